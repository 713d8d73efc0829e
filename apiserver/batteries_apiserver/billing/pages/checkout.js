"use strict";
// Fetches the API key only when its owner presses the button. The key is given out once, so loading this page, as a
// browser's prefetch, a reload or a link scanner does, must not fetch it.
(() => {
  const part = (id) => document.getElementById(id);
  const session = new URLSearchParams(location.search).get("session_id") || "";
  const button = part("show");
  let asking = false;
  let shown = false;
  let kept = false;

  function say(text) {
    part("status").textContent = text;
  }

  function trouble(text) {
    part("trouble").textContent = text;
    part("trouble").hidden = false;
  }

  function show(key) {
    part("key").textContent = key;
    part("curl").textContent = [
      `curl ${document.querySelector("main").dataset.api}/v1/accounts \\`,
      `  -H 'Authorization: Bearer ${key}' \\`,
      "  -H 'Content-Type: application/json' \\",
      `  -d '{"githubRepos": ["my-org/my-app"]}'`,
    ].join("\n");
    part("ask").hidden = true;
    part("trouble").hidden = true;
    part("shown").hidden = false;
    part("step-key").className = "done";
    part("step-key").removeAttribute("aria-current");
    part("step-account").className = "now";
    part("step-account").setAttribute("aria-current", "step");
    part("key-title").focus();
    shown = true;
    // The session is used up; the address bar and the history need not keep it.
    history.replaceState(null, "", location.pathname);
  }

  async function refusal(response) {
    const body = await response.json().catch(() => ({}));
    const wait = Number(response.headers.get("Retry-After"));
    const again = wait ? ` Try again in ${wait} second${wait === 1 ? "" : "s"}.` : "";
    return (body.error || `The server responded with status ${response.status}.`) + again;
  }

  async function ask() {
    // Relative, so that it works under a path prefix too.
    const response = await fetch(`../v1/stripe/session/${encodeURIComponent(session)}`, {
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
    if (response.ok) {
      show((await response.json()).apiKey);
    } else {
      trouble(await refusal(response));
    }
  }

  button.addEventListener("click", async () => {
    if (asking) return;
    if (!session) {
      trouble("This page's address has no session. Open the page from Stripe's checkout.");
      return;
    }
    asking = true;
    button.setAttribute("aria-disabled", "true");
    say("Fetching the key");
    try {
      await ask();
    } catch {
      trouble("No response arrived. Check the connection and press the button again.");
    } finally {
      asking = false;
      button.removeAttribute("aria-disabled");
      say("");
    }
  });

  async function copy(source, trigger) {
    try {
      await navigator.clipboard.writeText(source.textContent);
      trigger.textContent = "Copied";
      trigger.classList.add("copied");
      say("Copied");
      kept = true;
      setTimeout(() => {
        trigger.textContent = "Copy";
        trigger.classList.remove("copied");
      }, 3000);
    } catch {
      // No clipboard without HTTPS or permission: select it, so that one keystroke copies.
      getSelection().selectAllChildren(source);
      say("Selected. Copy it with your keyboard.");
    }
  }

  for (const trigger of document.querySelectorAll("[data-copies]")) {
    trigger.addEventListener("click", () => copy(part(trigger.dataset.copies), trigger));
  }
  document.addEventListener("copy", () => {
    kept = true;
  });
  addEventListener("beforeunload", (event) => {
    if (shown && !kept) event.preventDefault();
  });
  addEventListener("pagehide", () => {
    // A browser may keep the page for its back button; the next person at this computer must not see the key.
    if (!shown) return;
    part("key").textContent = "The key was shown before and can't be shown again";
    part("curl").textContent = "";
  });
})();
