"""The two invented companies of the demo: who works there, what they sell, what people ask. Tables only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Team:
    """A team; `share_of_vip` of the VIP customers' contacts go to it whatever they ask."""

    key: str
    name: str
    share_of_vip: float = 0.0


@dataclass(frozen=True, slots=True)
class Agent:
    """Someone who answers. Skill (0: average) raises resolution and satisfaction, pace stretches times."""

    key: str
    name: str
    team: str
    skill: float
    pace: float
    languages: str  # the languages spoken, parted by a blank
    shift: str  # early or late


@dataclass(frozen=True, slots=True)
class Issue:
    """What a contact is about, most frequent first. Effort stretches the work, hardness lowers resolution."""

    key: str
    name: str
    team: str
    effort: float
    hardness: float
    sells: float = 0.0  # share of resolved contacts that end in an order


@dataclass(frozen=True, slots=True)
class Product:
    """A product, its price in whole currency units, its versions as (name, days before the end)."""

    key: str
    name: str
    price: int
    versions: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Surge:
    """A release that raises one issue by `factor`, fading to nothing over `lasting` days."""

    product: str
    issue: str
    released: int  # days before the end
    factor: float
    lasting: int


@dataclass(frozen=True, slots=True)
class Incident:
    """The bad week: most of one team is away while a product version is broken, until `fixed` comes out."""

    team: str
    away: tuple[str, ...]
    product: str
    broken: str
    fixed: str
    issue: str
    factor: float


@dataclass(frozen=True, slots=True)
class Language:
    """A language customers write in, its share, and what people who do are called."""

    key: str
    share: float
    family_names: tuple[str, ...]
    given_names: tuple[str, ...]
    pattern: str = "{given} {family}"


@dataclass(frozen=True, slots=True)
class World:
    """Everything the generator draws from for one company, and the tenant it becomes."""

    slug: str
    name: str
    zone: str
    currency: str
    prefix: str  # of every external id
    regions: tuple[str, ...]  # where customers live: an attribute of the tenant's own
    teams: tuple[Team, ...]
    agents: tuple[Agent, ...]
    issues: tuple[Issue, ...]
    products: tuple[Product, ...]
    languages: tuple[Language, ...]
    reviewers: tuple[str, ...]
    articles: tuple[str, ...]
    surges: tuple[Surge, ...] = ()
    incident: Incident | None = None


LUMEN = World(
    slug="demo",
    name="Lumen Home",
    zone="Asia/Singapore",
    currency="SGD",
    prefix="lh",
    regions=("Central", "East", "North", "North-East", "West"),
    teams=(
        Team("orders", "Orders & Delivery"),
        Team("technical", "Technical Support"),
        Team("billing", "Billing & Returns"),
        Team("care", "Customer Care", share_of_vip=0.6),
    ),
    agents=(
        Agent("a01", "Grace Tan", "orders", 0.9, 0.90, "en zh", "early"),
        Agent("a02", "王晓梅", "orders", 0.4, 0.95, "zh en", "late"),
        Agent("a03", "Daniel Reed", "orders", 0.1, 1.05, "en", "early"),
        Agent("a04", "Priya Nair", "orders", 0.3, 1.00, "en", "late"),
        Agent("a05", "陈建国", "orders", -0.5, 1.15, "zh", "early"),
        Agent("a06", "Oliver Hayes", "orders", -1.1, 0.80, "en", "late"),
        Agent("a07", "李思远", "technical", 1.2, 1.05, "zh en", "early"),
        Agent("a08", "Emily Foster", "technical", 0.8, 1.00, "en", "late"),
        Agent("a09", "Ahmad Rahman", "technical", 0.5, 0.95, "en", "early"),
        Agent("a10", "赵雨桐", "technical", 0.2, 1.00, "zh en", "late"),
        Agent("a11", "Marcus Lim", "technical", -0.2, 1.20, "en zh", "early"),
        Agent("a12", "Hannah Brooks", "technical", -0.7, 1.30, "en", "late"),
        Agent("a13", "刘佳怡", "billing", 0.6, 0.92, "zh en", "early"),
        Agent("a14", "Thomas Keller", "billing", 0.3, 1.02, "en", "late"),
        Agent("a15", "Siti Aminah", "billing", 0.5, 0.98, "en", "early"),
        Agent("a16", "周志强", "billing", -0.3, 1.10, "zh", "late"),
        Agent("a17", "Rachel Moore", "billing", 0.0, 1.00, "en", "early"),
        Agent("a18", "Ben Carter", "billing", -0.9, 1.25, "en", "late"),
        Agent("a19", "吴静", "care", 1.0, 1.10, "zh en", "early"),
        Agent("a20", "Charlotte Evans", "care", 0.9, 1.05, "en", "late"),
        Agent("a21", "Jason Goh", "care", 0.4, 0.95, "en zh", "early"),
        Agent("a22", "孙浩然", "care", 0.1, 1.00, "zh en", "late"),
        Agent("a23", "Nadia Ismail", "care", 0.2, 0.97, "en", "early"),
        Agent("a24", "Peter Walsh", "care", -0.6, 0.85, "en", "late"),
    ),
    issues=(
        Issue("order_status", "Where is my order", "orders", 0.70, 0.04),
        Issue("setup", "Setting up a device", "technical", 1.25, 0.14),
        Issue("return", "Return or exchange", "billing", 0.90, 0.10),
        Issue("connection", "Device goes offline", "technical", 1.40, 0.20),
        Issue("advice", "Advice before buying", "care", 1.05, 0.05, sells=0.34),
        Issue("refund", "Refund not received", "billing", 1.00, 0.18),
        Issue("payment", "Payment failed", "billing", 0.80, 0.10),
        Issue("sign_in", "Cannot sign in to the app", "technical", 0.75, 0.08),
        Issue("damaged", "Damaged on delivery", "orders", 1.10, 0.15),
        Issue("subscription", "Change a subscription", "care", 0.85, 0.08, sells=0.12),
        Issue("warranty", "Warranty claim", "technical", 1.30, 0.22),
        Issue("complaint", "Complaint", "care", 1.60, 0.30),
    ),
    products=(
        Product("hub", "Lumen Hub", 129, (("4.0", 400), ("4.1", 128))),
        Product("lamp", "Lumen Lamp", 45, (("1.2", 400), ("1.3", 90))),
        Product("cam", "Lumen Cam", 99, (("1.9", 400), ("2.0", 112))),
        Product("plug", "Lumen Plug", 25, (("3.1", 400),)),
        Product("lock", "Lumen Lock", 219, (("1.0", 400), ("1.1", 35))),
    ),
    languages=(
        Language(
            "en",
            0.62,
            ("Tan", "Lim", "Lee", "Ng", "Wong", "Goh", "Chua", "Kumar", "Rahman", "Smith"),
            (
                "Wei Ming",
                "Hui Min",
                "Jia Hao",
                "Mei Ling",
                "Arjun",
                "Aisha",
                "Sarah",
                "David",
                "Kelly",
                "Ryan",
            ),
        ),
        Language(
            "zh",
            0.38,
            ("王", "李", "张", "刘", "陈", "杨", "黄", "赵", "周", "吴"),
            ("伟", "芳", "娜", "敏", "静", "磊", "洋", "艳", "杰", "秀英"),
            "{family}{given}",
        ),
    ),
    reviewers=("Linda Chong", "郑明", "Fiona Clarke"),
    articles=(
        "pair-a-device",
        "reset-the-hub",
        "track-a-parcel",
        "start-a-return",
        "refund-times",
        "update-firmware",
        "change-plan",
        "forgotten-password",
    ),
    surges=(Surge("cam", "setup", released=112, factor=1.9, lasting=24),),
    incident=Incident("technical", ("a07", "a08", "a09"), "hub", "4.2", "4.2.1", "connection", factor=2.4),
)

ALDER = World(
    slug="other",
    name="Alder & Finch Cycles",
    zone="Europe/London",
    currency="GBP",
    prefix="af",
    regions=("England", "Scotland", "Wales"),
    teams=(Team("workshop", "Workshop Desk"), Team("shop", "Shop Desk", share_of_vip=0.4)),
    agents=(
        Agent("m1", "Isla Munro", "workshop", 0.7, 0.95, "en", "early"),
        Agent("m2", "Callum Price", "workshop", -0.2, 1.10, "en", "late"),
        Agent("m3", "Megan Shaw", "workshop", 0.1, 1.00, "en", "early"),
        Agent("m4", "Rhys Bevan", "shop", 0.3, 1.00, "en", "early"),
        Agent("m5", "Erin Doyle", "shop", -0.4, 0.90, "en", "late"),
    ),
    issues=(
        Issue("repair", "Book a repair", "workshop", 1.00, 0.08),
        Issue("parts", "Spare parts", "shop", 0.90, 0.12, sells=0.25),
        Issue("sizing", "Which size fits", "shop", 0.80, 0.05, sells=0.30),
        Issue("pickup", "Is it ready", "workshop", 0.60, 0.04),
        Issue("faulty", "Faulty part", "workshop", 1.40, 0.20),
        Issue("voucher", "Gift vouchers", "shop", 0.70, 0.06),
    ),
    products=(
        Product("road", "Finch Road", 1450, (("2025", 400),)),
        Product("city", "Finch City", 780, (("2025", 400), ("2026", 100))),
        Product("cargo", "Alder Cargo", 3200, (("2025", 400),)),
    ),
    languages=(
        Language(
            "en",
            1.0,
            ("Baker", "Campbell", "Hughes", "Morgan", "Patel", "Stewart", "Wright", "Ellis"),
            ("Amelia", "Freddie", "George", "Harriet", "Imogen", "Lewis", "Nina", "Owen"),
        ),
    ),
    reviewers=("Moira Finlay",),
    articles=("choose-a-size", "service-intervals", "fit-a-chain"),
)
