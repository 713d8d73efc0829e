"""The HTML of the hosted checkout page: plain, one form, nothing from third parties, everything escaped.

The field names are the ones of Stripe's own page (`email`, `cardNumber`, `cardExpiry`, `cardCvc`, `billingName`), so a
browser script or a curl line looks the same in both places.
"""

from html import escape

from batteries_sandbox.stripe.objects import JsonObject

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1f36; background: #f6f8fa; margin: 0; }
main { max-width: 24rem; margin: 4rem auto; padding: 2rem; background: #fff; border-radius: 8px;
       box-shadow: 0 1px 4px #0003; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; }
p { margin: .5rem 0; color: #4f566b; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; border: 1px solid #c1c9d2;
        border-radius: 6px; }
input[readonly] { background: #f0f2f5; }
.row { display: flex; gap: 1rem; } .row > div { flex: 1; }
button { width: 100%; margin-top: 1.5rem; padding: .7rem; font: inherit; font-weight: 600; color: #fff;
         background: #0a5; border: 0; border-radius: 6px; cursor: pointer; }
[role=alert] { padding: .6rem; color: #9b1c31; background: #fde8ec; border-radius: 6px; }
.cancel { display: block; margin-top: 1rem; text-align: center; }
"""


def checkout_page(session: JsonObject, email: str | None, typed: dict[str, str], error: str | None) -> str:
    """The form, with what was typed before, except for the card."""
    alert = f'<p role="alert">{escape(error)}</p>' if error else ""
    cancel = session["cancel_url"]
    back = f'<a class="cancel" href="{escape(cancel)}">Cancel</a>' if cancel else ""
    shown, fixed = escape(email or typed.get("email", "")), " readonly" if email else ""
    text = (session["custom_text"]["submit"] or {}).get("message", "")
    said = f'<p class="custom-text">{escape(text)}</p>' if text else ""
    title = "Subscribe" if session["mode"] == "subscription" else "Save a card"
    return whole_page(
        title,
        f"""<h1>{title}</h1>
<p>A sandbox: nothing is charged. The test card is 4242 4242 4242 4242.</p>
{alert}
<form method="post">
<label for="email">E-mail</label>
<input id="email" name="email" type="email" autocomplete="email" required value="{shown}"{fixed}>
<label for="cardNumber">Card number</label>
<input id="cardNumber" name="cardNumber" inputmode="numeric" autocomplete="cc-number" required
 placeholder="1234 1234 1234 1234">
<div class="row"><div>
<label for="cardExpiry">Expiry</label>
<input id="cardExpiry" name="cardExpiry" inputmode="numeric" autocomplete="cc-exp" required placeholder="MM / YY">
</div><div>
<label for="cardCvc">CVC</label>
<input id="cardCvc" name="cardCvc" inputmode="numeric" autocomplete="cc-csc" required placeholder="123">
</div></div>
<label for="billingName">Name on card</label>
<input id="billingName" name="billingName" autocomplete="cc-name" value="{escape(typed.get("billingName", ""))}">
<button type="submit">{"Subscribe" if session["mode"] == "subscription" else "Save card"}</button>
</form>
{said}
{back}""",
    )


def notice_page(title: str, sentence: str) -> str:
    """A page with only a message: the session has ended, or never existed."""
    return whole_page(title, f"<h1>{escape(title)}</h1>\n<p>{escape(sentence)}</p>")


def whole_page(title: str, content: str) -> str:
    """A page of the stand-in around that content."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body><main>
{content}
</main></body>
</html>
"""
