"use strict";
// Confirms the address when its owner presses the button, and at no other time: whatever only opens the link, such as a
// scanner of mail, must change nothing.
(() => {
  const button = document.getElementById("confirm");
  const said = document.getElementById("said");

  async function confirmAddress() {
    // Relative, so that it works under a path prefix too.
    const answer = await fetch("v1/confirm-email", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: decodeURIComponent(location.hash.slice(1)) || "none" }),
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
    const body = await answer.json().catch(() => ({}));
    if (answer.ok) {
      said.textContent = `${body.email} is confirmed. You can close this page.`;
      button.hidden = true;
      history.replaceState(null, "", location.pathname);
    } else {
      said.textContent = body.error || `The server answered ${answer.status}.`;
    }
  }

  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await confirmAddress();
    } catch {
      said.textContent = "The server could not be reached. Try again.";
    } finally {
      button.disabled = false;
    }
  });
})();
