"use strict";
// Confirms the address only when its owner presses the button: opening the link, as a mail scanner does, must change
// nothing.
(() => {
  const button = document.getElementById("confirm");
  const result = document.getElementById("result");

  async function confirmAddress() {
    // Relative, so that it works under a path prefix too.
    const response = await fetch("v1/confirm-email", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token: decodeURIComponent(location.hash.slice(1)) || "none" }),
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
    const body = await response.json().catch(() => ({}));
    if (response.ok) {
      result.textContent = `${body.email} is confirmed. You can close this page.`;
      button.hidden = true;
      history.replaceState(null, "", location.pathname);
    } else {
      result.textContent = body.error || `The server responded with status ${response.status}.`;
    }
  }

  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await confirmAddress();
    } catch {
      result.textContent = "The server could not be reached. Try again.";
    } finally {
      button.disabled = false;
    }
  });
})();
