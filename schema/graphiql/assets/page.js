// Starts GraphiQL with a token that is kept for this browser tab only.
"use strict";

(function () {
  const KEY = "scoredesk.token";
  const FIRST_QUERY = `# Run this, then change it. Ctrl-Space completes.
query FirstLight {
  kpiValues(input: {
    keys: ["contacts_offered", "csat"]
    formulas: [{
      name: "slow"
      formula: "share(first_response_time > 30s)"
    }]
    dimensions: ["channel"]
  }) {
    answer {
      dimensions { name labels }
      series {
        kpi { name unit }
        values
        total { value n numerator denominator }
      }
    }
    problems { code message span { start end } }
  }
}
`;

  const fromHash = new URLSearchParams(location.hash.slice(1)).get("token");
  if (fromHash) {
    sessionStorage.setItem(KEY, fromHash);
    history.replaceState(null, "", location.pathname); // not to be left in the address bar
  }

  const field = document.getElementById("token");
  const who = document.getElementById("who");
  field.value = sessionStorage.getItem(KEY) || "";

  async function send(body, headers) {
    const token = sessionStorage.getItem(KEY);
    const response = await fetch("/graphql", {
      method: "POST",
      headers: Object.assign(
        { "content-type": "application/json", accept: "application/graphql-response+json, application/json" },
        token ? { authorization: "Bearer " + token } : {},
        headers || {},
      ),
      body: JSON.stringify(body),
    });
    return response.json();
  }

  async function greet() {
    if (!sessionStorage.getItem(KEY)) {
      who.textContent = "";
      return;
    }
    const answer = await send({ query: "{ viewer { subject role } tenant { name } }" });
    who.textContent = answer.data
      ? `${answer.data.viewer.subject}, ${answer.data.viewer.role.toLowerCase()} at ${answer.data.tenant.name}`
      : answer.errors[0].message;
  }

  document.getElementById("sign-in").addEventListener("submit", function (event) {
    event.preventDefault();
    sessionStorage.setItem(KEY, field.value.trim());
    location.reload(); // so that GraphiQL asks for the schema again
  });

  const root = ReactDOM.createRoot(document.getElementById("graphiql"));
  root.render(
    React.createElement(GraphiQL, {
      fetcher: (request, options) => send(request, options && options.headers),
      defaultQuery: FIRST_QUERY,
      defaultEditorToolsVisibility: true,
      shouldPersistHeaders: false,
    }),
  );
  greet();
})();
