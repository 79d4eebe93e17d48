"""The KPI compiler: language/ -> planning/ -> (later) rollups/. `evaluator` is the one door to numbers."""
