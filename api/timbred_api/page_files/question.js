/**
 * What the page shows, as its address says: `/?id=12&weights=loop`. Every address can be kept and opened by others.
 *
 * @typedef {object} Question
 * @property {"search"|"map"|"duplicates"|"library"} view
 * @property {"all"|"text"|"name"|"id"|"path"|"uri"|"upload"} by what is searched by; `upload`: a sound that is only here
 * @property {string} value
 * @property {string} weights as the daemon takes them; "" for the defaults
 * @property {string} folder
 * @property {string} called words that a sound's path or label has to have, or ""
 * @property {string} min shortest duration in seconds, or ""
 * @property {string} max longest, or ""
 */

const VIEWS = ["map", "duplicates", "library"];
const WAYS = ["id", "path", "uri", "text", "name", "upload"];

/** The question of an address's query string. */
export function readQuestion(search) {
  const given = new URLSearchParams(search);
  const by = WAYS.find((way) => given.get(way)) ?? "all";
  const view = given.get("view");
  return {
    view: VIEWS.includes(view) ? view : "search",
    by,
    value: by === "all" ? "" : given.get(by),
    weights: given.get("weights") ?? "",
    folder: given.get("folder") ?? "",
    called: given.get("called") ?? "",
    min: given.get("min") ?? "",
    max: given.get("max") ?? "",
  };
}

/** The address of a question: what is default is left out. */
export function addressOf(question) {
  const query = new URLSearchParams();
  if (question.view !== "search") query.set("view", question.view);
  if (question.by !== "all") query.set(question.by, question.value);
  for (const name of ["weights", "folder", "called", "min", "max"]) if (question[name]) query.set(name, question[name]);
  const text = query.toString();
  return text ? `/?${text}` : "/";
}

/** The address of "more like this": the same weights and filters, another sound. */
export const likeAddress = (question, id) => addressOf({ ...question, view: "search", by: "id", value: String(id) });

/** What typed words mean: a path or a `file://` URI that was pasted, or words. */
export function questionOfWords(question, typed) {
  const value = typed.trim();
  const by = !value ? "all" : value.startsWith("/") ? "path" : value.startsWith("file://") ? "uri" : "text";
  return { ...question, view: "search", by, value };
}

/** Whether the answer is ranked by similarity, so that weights matter. */
export const bySound = (question) => ["id", "path", "uri", "upload"].includes(question.by);

/** Sounds that were dropped or recorded: kept while the page is open, and sent nowhere but to the daemon. */
export class Uploads {
  #kept = new Map();
  #next = 1;

  /** Keeps a sound; gives what stands for it in a question. */
  add(blob, name) {
    const key = String(this.#next++);
    this.#kept.set(key, { blob, name, address: URL.createObjectURL(blob) });
    return key;
  }

  get(key) {
    return this.#kept.get(key) ?? null;
  }
}
