// Renders /docs from the OpenAPI document, and sends requests to the same server. Everything from outside is inserted as
// text, never as markup. The API key is only in its input field; it is not stored.

const BASE = new URL("v1", document.baseURI).href;
let components = {};

function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

// The document's texts are Markdown, of which they use only code and links to other sites; links are shown as text.
function prose(text = "") {
  const parts = text.replace(/\[([^\]]+)\]\([^)]+\)/g, "$1").split("`");
  return parts.map((part, index) => (index % 2 ? el("code", {}, part) : part));
}

function resolved(schema = {}) {
  if (!schema.$ref) return schema;
  const { $ref, ...rest } = schema;
  return { ...resolved(components.schemas[$ref.split("/").pop()]), ...rest };
}

function typeOf(schema) {
  const { type, items, format, enum: values, const: only, anyOf } = resolved(schema);
  if (only !== undefined) return JSON.stringify(only);
  if (values) return values.map((value) => JSON.stringify(value)).join(" | ");
  if (anyOf) return anyOf.map(typeOf).join(" | ");
  if (type === "array") return `${typeOf(items)}[]`;
  return format ? `${type} (${format})` : type ?? "any";
}

function fields(schema) {
  const { properties, required = [] } = resolved(schema);
  if (!properties) return el("p", { class: "type" }, typeOf(schema));
  return rows(Object.entries(properties).map(([name, of]) => [name, of, required.includes(name), resolved(of).description]));
}

function rows(entries) {
  return el("table", {}, ...entries.flatMap(([name, schema, required, text]) => {
    const head = el("td", {}, el("code", {}, name), required ? el("span", { class: "required" }, "required") : "");
    const row = el("tr", {}, head, el("td", {}, el("span", { class: "type" }, typeOf(schema)), " ", ...prose(text)));
    const inner = resolved(resolved(schema).items);
    return inner.properties ? [row, el("tr", {}, el("td"), el("td", {}, fields(inner)))] : [row];
  }));
}

function example(schema) {
  const { type, properties, items, examples, format, enum: values } = resolved(schema);
  if (examples?.length) return examples[0];
  if (values) return values[0];
  if (type === "object") return Object.fromEntries(Object.entries(properties ?? {}).map(([name, of]) => [name, example(of)]));
  if (type === "array") return [example(items)];
  if (format === "email") return "you@example.com";
  return { integer: 1, number: 1, boolean: true }[type] ?? "…";
}

function response(status, { description, headers = {}, content = {} }) {
  const parts = [el("summary", {}, el("b", {}, status), ...prose(description))];
  for (const [kind, { schema }] of Object.entries(content)) parts.push(el("h4", {}, kind), fields(schema));
  const named = Object.entries(headers).map(([name, header]) => [name, header.schema, false, header.description]);
  if (named.length) parts.push(el("h4", {}, "Headers"), rows(named));
  return el("details", {}, ...parts);
}

// All errors of an operation in one table: they differ only in their meaning.
function errors(responses) {
  const entries = responses.flatMap(([status, { content = {} }]) =>
    Object.entries(content["application/json"]?.examples ?? {}).map(([code, { value }]) => [status, code, value.error]));
  const lines = entries.map(([status, code, meaning]) =>
    el("tr", {}, el("td", {}, el("b", {}, status)), el("td", {}, el("code", {}, code)), el("td", {}, ...prose(meaning))));
  const statuses = el("span", { class: "type" }, responses.map(([status]) => status).join(" "));
  return el("details", {}, el("summary", {}, el("b", {}, "Errors"), statuses), el("table", {}, ...lines));
}

function request(method, path, operation, inputs, body) {
  const query = new URLSearchParams();
  const headers = {};
  let filled = path;
  for (const [{ name, in: where }, input] of inputs) {
    if (where === "path") filled = filled.replace(`{${name}}`, encodeURIComponent(input.value));
    else if (input.value && where === "query") query.set(name, input.value);
    else if (input.value) headers[name] = input.value;
  }
  if (operation.security === undefined) headers.Authorization = `Bearer ${document.getElementById("key").value.trim()}`;
  if (body?.value.trim()) headers["Content-Type"] = "application/json";
  const url = BASE + filled + (query.size ? `?${query}` : "");
  return [url, { method: method.toUpperCase(), headers, body: body?.value.trim() || undefined, cache: "no-store" }];
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function curl(url, { method, headers, body }) {
  const sent = Object.entries(headers).map(([name, value]) => {
    // The key itself is not shown, because people copy this line and pass it on.
    return name === "Authorization" ? '-H "Authorization: Bearer $API_KEY"' : `-H ${quoted(`${name}: ${value}`)}`;
  });
  return ["curl -sS -X", method, quoted(url), ...sent, ...(body ? ["-d", quoted(body)] : [])].join(" ");
}

async function send(url, options, shown) {
  shown.textContent = `${curl(url, options)}\n\n…`;
  try {
    const response = await fetch(url, options);
    const lines = [`${response.status} ${response.statusText}`, ...[...response.headers].map(([name, value]) => `${name}: ${value}`)];
    const begin = `${curl(url, options)}\n\n${lines.join("\n")}\n\n`;
    let text = "";
    if (response.body) {
      // Shown as it arrives: an event stream has no end.
      for await (const part of chunks(response.body.pipeThrough(new TextDecoderStream()).getReader())) {
        text += part;
        shown.textContent = begin + text;
      }
    }
    shown.textContent = begin + pretty(text);
  } catch (error) {
    shown.textContent = `${curl(url, options)}\n\n${error}`;
  }
}

async function* chunks(reader) {
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function attempt(method, path, operation) {
  const inputs = (operation.parameters ?? []).map((given) => [given, el("input", { "aria-label": given.name, spellcheck: "false" })]);
  const schema = operation.requestBody?.content["application/json"].schema;
  const body = schema && el("textarea", { rows: "6", "aria-label": "Body", spellcheck: "false" });
  if (body) body.value = JSON.stringify(example(schema), null, 2);
  const shown = el("pre", { hidden: "", "aria-live": "polite" });
  const form = el("form", {
    onsubmit: (event) => {
      event.preventDefault();
      shown.hidden = false;
      send(...request(method, path, operation, inputs, body), shown);
    },
  });
  for (const [given, input] of inputs) form.append(el("span", {}, el("code", {}, given.name)), input);
  if (body) form.append(el("span", {}, "Body"), body);
  form.append(el("button", {}, "Send"));
  return el("details", {}, el("summary", {}, "Try it"), form, shown);
}

function article(method, path, operation) {
  const title = el("h3", { }, el("span", { class: `method ${method}` }, method.toUpperCase()), el("code", {}, `/v1${path}`),
    el("span", {}, operation.summary), el("span", { class: "lock" }, operation.security ? "no key needed" : "needs a key"));
  const parts = [title, el("p", {}, ...prose(operation.description))];
  if (operation.parameters?.length) {
    parts.push(el("h4", {}, "Parameters"));
    parts.push(rows(operation.parameters.map(({ name, in: where, schema, required, description }) =>
      [name, schema, required, `${description ?? ""} (${where})`])));
  }
  if (operation.requestBody) {
    parts.push(el("h4", {}, operation.requestBody.required ? "Body" : "Body (optional)"));
    parts.push(fields(operation.requestBody.content["application/json"].schema));
  }
  const responses = Object.entries(operation.responses);
  parts.push(el("h4", {}, "Responses"), ...responses.filter(([status]) => status < 400).map(([status, of]) => response(status, of)));
  parts.push(errors(responses.filter(([status]) => status >= 400)), attempt(method, path, operation));
  return el("article", { id: operation.operationId }, ...parts);
}

function draw(api) {
  components = api.components;
  const main = document.getElementById("operations");
  const contents = document.getElementById("contents");
  const all = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
  main.replaceChildren();
  for (const tag of api.tags) {
    main.append(el("h2", {}, tag.name), el("p", {}, ...prose(tag.description)));
    contents.append(el("h2", {}, tag.name));
    for (const { path, method, operation } of all.filter(({ operation }) => operation.tags.includes(tag.name))) {
      main.append(article(method, path, operation));
      contents.append(el("a", { href: `#${operation.operationId}` },
        el("span", { class: `method ${method}` }, method.toUpperCase()), " ", path));
    }
  }
  document.body.dataset.ready = "true";
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  const response = await fetch(`${BASE}/openapi.json`);
  if (!response.ok) throw new Error(`the server responded with status ${response.status}`);
  draw(await response.json());
} catch (error) {
  document.getElementById("state").textContent = `The OpenAPI document can't be read: ${error.message}. Reload the page.`;
}
