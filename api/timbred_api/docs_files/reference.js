// Draws the OpenAPI document of this daemon. Text is only ever set as text.

const METHODS = ["get", "post", "patch", "delete"];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Words with `code` in them. */
function words(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

function nameOf(schema) {
  return schema.$ref.split("/").at(-1);
}

/** A schema's kind and bounds in a few words. */
function kind(schema = {}) {
  if (schema.$ref) return nameOf(schema);
  if (schema.anyOf) return schema.anyOf.map(kind).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(", ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `list of ${kind(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties?.type) return `object of ${kind(schema.additionalProperties)}`;
  return [schema.type ?? "anything", bounds(schema)].filter(Boolean).join(", ");
}

function bounds(schema) {
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum < Number.MAX_SAFE_INTEGER ? schema.maximum : undefined;
  const range = high !== undefined ? `${low ?? "…"} to ${high}` : low !== undefined ? `from ${low}` : "";
  const initial = schema.default !== undefined && schema.default !== null ? `${JSON.stringify(schema.default)} if left out` : "";
  return [range, initial].filter(Boolean).join("; ");
}

function table(rows) {
  return make("table", {}, ...rows.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, ...cell)))));
}

/** `required` is worth saying of what is sent; an answer has all its fields. */
function fields(schema, required = []) {
  return table(
    Object.entries(schema.properties ?? {}).map(([name, field]) => [
      [name],
      [kind(field) + (required.includes(name) ? "; needed" : "")],
      words(field.description ?? ""),
    ]),
  );
}

function parameters(operation) {
  if (!operation.parameters.length) return [];
  const rows = operation.parameters.map((one) => [
    [one.name],
    [`${kind(one.schema)}${one.required ? "; needed" : ""}`],
    words(one.description),
  ]);
  return [make("h4", {}, "Parameters"), table(rows)];
}

function body(operation) {
  if (!operation.requestBody) return [];
  const { content, description } = operation.requestBody;
  const schema = content["application/json"]?.schema;
  const said = schema ? fields(schema, schema.required) : make("p", {}, description ?? "", ` (${Object.keys(content).join(", ")})`);
  const example = Object.values(content)[0].example;
  const parts = [make("h4", {}, schema ? "Body (application/json)" : "Body"), said];
  return example === undefined ? parts : [...parts, shown("An example", example)];
}

/** The fields of an answer, and below them those of what it refers to. */
function answer(operation, schemas) {
  const { content } = operation.responses["200"];
  const parts = [make("h4", {}, `Answer (${Object.keys(content).join(", ")})`)];
  const first = content["application/json"]?.schema;
  for (const name of first ? reachable(first, schemas) : []) {
    const details = make("details", {}, make("summary", {}, name), fields(schemas[name]));
    details.open = name === nameOf(first);
    parts.push(details);
  }
  const example = Object.values(content)[0]?.example;
  if (example !== undefined) parts.push(shown("An example", example));
  return parts;
}

/** An example, folded. */
function shown(title, example) {
  const text = typeof example === "string" ? example : JSON.stringify(example, null, 2);
  return make("details", {}, make("summary", {}, title), make("pre", {}, text));
}

function reachable(schema, schemas, found = new Set()) {
  if (Array.isArray(schema)) schema.forEach((one) => reachable(one, schemas, found));
  else if (schema && typeof schema === "object") {
    if (typeof schema.$ref === "string" && !found.has(nameOf(schema))) {
      found.add(nameOf(schema));
      reachable(schemas[nameOf(schema)], schemas, found);
    }
    Object.values(schema).forEach((one) => reachable(one, schemas, found));
  }
  return found;
}

function problems(operation) {
  const rows = Object.entries(operation.responses)
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([status, { description }]) =>
      description.split("\n").map((line) => {
        const [code, ...meaning] = line.replace(/^- /, "").split(": ");
        return [[code.replaceAll("`", "")], [status], words(meaning.join(": "))];
      }),
    );
  return make("details", {}, make("summary", {}, "What can go wrong"), table(rows));
}

function drawn(path, method, operation, schemas) {
  return make(
    "article",
    { id: operation.operationId },
    make("h3", {}, make("span", { class: `method ${method}` }, method.toUpperCase()), path),
    make("p", {}, ...words(operation.description)),
    ...parameters(operation),
    ...body(operation),
    ...answer(operation, schemas),
    problems(operation),
  );
}

function draw(api) {
  const [nav, main] = [document.querySelector("nav"), document.querySelector("main")];
  document.getElementById("about").append(...words(api.info.description));
  for (const { name } of api.tags) {
    const section = make("section", {}, make("h2", {}, name));
    nav.append(make("h2", {}, name));
    for (const [path, item] of Object.entries(api.paths)) {
      for (const method of METHODS.filter((one) => item[one]?.tags.includes(name))) {
        const link = make("a", { href: `#${item[method].operationId}` });
        link.append(make("span", { class: `method ${method}` }, method.toUpperCase()), path);
        nav.append(link);
        section.append(drawn(path, method, item[method], api.components.schemas));
      }
    }
    main.append(section);
  }
  main.removeAttribute("aria-busy");
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

try {
  const response = await fetch("/openapi.json");
  const api = await response.json();
  if (!response.ok) throw new Error(api.detail);
  draw(api);
} catch (error) {
  document.querySelector("main").append(make("p", { role: "alert" }, `The document cannot be shown: ${error.message}`));
}
