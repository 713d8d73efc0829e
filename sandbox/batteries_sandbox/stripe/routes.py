"""Every URL of the API on one screen. Any other gets the error "Unrecognized request URL"."""

from stripe import params
from stripe.params import billing_portal, checkout

from batteries_sandbox.stripe import (
    charges,
    customers,
    events,
    invoices,
    payment_methods,
    portal_configurations,
    portal_sessions,
    prices,
    sessions,
    setup_intents,
    subscriptions,
)
from batteries_sandbox.stripe.endpoint import Endpoint

_CUSTOMER = "/v1/customers/{id}"
_SESSION = "/v1/checkout/sessions/{id}"
_PORTAL = "/v1/billing_portal/configurations"

ENDPOINTS = (
    Endpoint("POST", "/v1/customers", params.CustomerCreateParams, customers.create, customers.CLEARABLE),
    Endpoint("GET", "/v1/customers", params.CustomerListParams, customers.list_customers),
    Endpoint("GET", _CUSTOMER, params.CustomerRetrieveParams, customers.retrieve),
    Endpoint("POST", _CUSTOMER, params.CustomerUpdateParams, customers.update, customers.CLEARABLE),
    Endpoint("DELETE", _CUSTOMER, params.CustomerDeleteParams, customers.delete),
    Endpoint(
        "GET", f"{_CUSTOMER}/payment_methods", params.CustomerListPaymentMethodsParams, customers.list_payment_methods
    ),
    Endpoint("GET", "/v1/payment_methods/{id}", params.PaymentMethodRetrieveParams, payment_methods.retrieve),
    Endpoint("POST", "/v1/payment_methods/{id}/detach", params.PaymentMethodDetachParams, payment_methods.detach),
    Endpoint("GET", "/v1/setup_intents/{id}", params.SetupIntentRetrieveParams, setup_intents.retrieve),
    Endpoint("POST", "/v1/checkout/sessions", checkout.SessionCreateParams, sessions.create),
    Endpoint("GET", "/v1/checkout/sessions", checkout.SessionListParams, sessions.list_sessions),
    Endpoint("GET", _SESSION, checkout.SessionRetrieveParams, sessions.retrieve),
    Endpoint("POST", f"{_SESSION}/expire", checkout.SessionExpireParams, sessions.expire),
    Endpoint("POST", "/v1/billing_portal/sessions", billing_portal.SessionCreateParams, portal_sessions.create),
    Endpoint("POST", _PORTAL, billing_portal.ConfigurationCreateParams, portal_configurations.create),
    Endpoint("GET", _PORTAL, billing_portal.ConfigurationListParams, portal_configurations.list_configurations),
    Endpoint("GET", f"{_PORTAL}/{{id}}", billing_portal.ConfigurationRetrieveParams, portal_configurations.retrieve),
    Endpoint("GET", "/v1/prices/{id}", params.PriceRetrieveParams, prices.retrieve),
    Endpoint("GET", "/v1/subscriptions", params.SubscriptionListParams, subscriptions.list_subscriptions),
    Endpoint("GET", "/v1/subscriptions/{id}", params.SubscriptionRetrieveParams, subscriptions.retrieve),
    Endpoint("DELETE", "/v1/subscriptions/{id}", params.SubscriptionCancelParams, subscriptions.cancel),
    Endpoint("GET", "/v1/invoices/{id}", params.InvoiceRetrieveParams, invoices.retrieve),
    Endpoint("GET", "/v1/charges", params.ChargeListParams, charges.list_charges),
    Endpoint("GET", "/v1/charges/{id}", params.ChargeRetrieveParams, charges.retrieve),
    Endpoint("GET", "/v1/events", params.EventListParams, events.list_events),
    Endpoint("GET", "/v1/events/{id}", params.EventRetrieveParams, events.retrieve),
)
