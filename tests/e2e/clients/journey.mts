// The journey of a customer with a client that knows nothing but the contract: it must compile, strictly, and run.

import createClient from "openapi-fetch";
import type { paths } from "./schema.js";

const baseUrl = process.argv[2] as string;
const anyone = createClient<paths>({ baseUrl });

async function until<T>(step: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const value = await step();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("not within a minute");
}

// What a client gets out of an answer; an error, or an answer that the contract does not have, ends the journey.
function given<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw new Error(`${answer.response.status}: ${JSON.stringify(answer.error)}`);
  return answer.data;
}

const session = given(await anyone.POST("/stripe/setup", { body: { email: "typescript@example.com" } }));
const card = { email: "typescript@example.com", cardNumber: "4242424242424242", cardExpiry: "12/34", cardCvc: "123" };
await fetch(session.url as string, { method: "POST", body: new URLSearchParams(card), redirect: "manual" });
const id = session.sessionId as string;
const { apiKey } = given(await anyone.GET("/stripe/session/{id}", { params: { path: { id } } }));
const again = await anyone.GET("/stripe/session/{id}", { params: { path: { id } } });
if (again.response.status !== 404 || !again.error?.error) throw new Error("the key was given twice");

const customer = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${apiKey}` } });
const made = given(await customer.POST("/accounts", { body: { githubRepos: ["my-org/my-app"] } }));
const path = { id: made.accountId as string };
const active = await until(async () => {
  const detail = given(await customer.GET("/accounts/{id}", { params: { path } }));
  if (detail.status === "failed") throw new Error(detail.error);
  return detail.status === "active" ? detail : undefined;
});
const changed = given(await customer.PATCH("/accounts/{id}", { params: { path }, body: { githubRepos: ["my-org/infra"] } }));
const listed = given(await customer.GET("/accounts"));

const key = given(await customer.POST("/keys", { body: { name: "CI" } }));
const revoked = await customer.DELETE("/keys/{id}", { params: { path: { id: key.id as string } } });
const keys = given(await customer.GET("/keys"));
const unpaid = await createClient<paths>({ baseUrl, headers: { Authorization: "Bearer x" } }).GET("/accounts");

console.log(
  JSON.stringify({
    role: active.oidcRoleArn,
    repos: changed.githubRepos,
    listed: listed.accounts?.map((account) => account.accountId),
    account: made.accountId,
    revoked: revoked.response.status,
    keys: keys.keys?.map((one) => [one.name, one.revokedAt !== undefined]),
    refusal: unpaid.error?.error,
  }),
);
