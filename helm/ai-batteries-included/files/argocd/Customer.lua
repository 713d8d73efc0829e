-- Nothing has to wait for a Customer; it is Suspended while Stripe says that it can't pay.
if obj.status ~= nil and obj.status.paymentMethod == "missing" then
  return { status = "Suspended", message = "No valid payment method: new accounts are refused (HTTP 402)." }
end
return { status = "Healthy", message = "" }
