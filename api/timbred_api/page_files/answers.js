/** From a question to rows and a sentence that says what was done. */

import { call, get, Problem } from "./api.js";
import { count, fileName, many } from "./format.js";
import { bySound } from "./question.js";

/**
 * @typedef {object} Answer
 * @property {object[]} rows as the daemon gives them
 * @property {string} said what was done, in one line
 * @property {string[]} notes
 * @property {object|null} asked the sound searched by: {name, sound_id, duration, upload}
 * @property {string|null} next cursor of a list that goes on
 * @property {boolean} canGrow whether a larger `k` may bring more
 * @property {string[]} words to be marked in names
 * @property {{text: string, question: object}|null} other another way to take the same words
 */

const NOTHING = { rows: [], said: "", notes: [], asked: null, next: null, canGrow: false, words: [], other: null };

/**
 * Answers a question. `hears`: whether words can be searched by sound; `k`: rows wanted; `cursor`: of a list.
 * Throws a `Problem` or an AbortError.
 */
export async function answer(question, { uploads, hears, status, k, cursor, signal }) {
  if (bySound(question)) return similar(question, uploads, k, signal);
  if (question.by === "text" && hears) return words(question, k, signal);
  return names(question, { hears, status, k, cursor, signal });
}

function filters(question) {
  return { folder: question.folder, name: question.called, min_duration: question.min, max_duration: question.max };
}

async function similar(question, uploads, k, signal) {
  const query = { ...filters(question), weights: question.weights, k };
  let found;
  let upload = null;
  if (question.by === "upload") {
    upload = uploads.get(question.value);
    if (!upload) throw new Problem("That sound was only in the page that you left. Drop or record it again.", "left", 0);
    const type = upload.blob.type.split(";")[0];
    const sent = /^(audio|video)\//.test(type) ? type : "application/octet-stream";
    found = await call("POST", "/v1/similar", { query, body: upload.blob, type: sent, signal });
  } else {
    found = await get("/v1/similar", { ...query, [question.by]: question.value }, signal);
  }
  const { sound_id, path, duration } = found.query;
  const name = upload?.name ?? fileName(path ?? decodeURIComponent(question.by === "uri" ? question.value : ""));
  return {
    ...NOTHING,
    rows: found.results,
    said: found.results.length ? `${many(found.results.length, "sound")}, most alike first.` : "Nothing here sounds like it.",
    notes: found.notes,
    asked: { sound_id, name, path, duration, upload },
    canGrow: found.results.length === k,
  };
}

/** What a path or label has to have: what is searched for, and what is asked of every answer. */
const allWords = ({ value, called }) => `${value} ${called}`.trim();

async function words(question, k, signal) {
  const [found, named] = await Promise.all([
    get("/v1/search", { ...filters(question), text: question.value, k }, signal),
    get("/v1/sounds", { name: allWords(question), folder: question.folder, limit: 100 }, signal).catch(ifAborted),
  ]);
  const also = named?.results.length ?? 0;
  const text = `${also === 100 ? "100 or more" : count(also)} file ${also === 1 ? "name has" : "names have"} these words`;
  return {
    ...NOTHING,
    rows: found.results,
    said: found.results.length ? `By how they sound: “${question.value}”.` : `Nothing sounds like “${question.value}”.`,
    notes: found.notes,
    canGrow: found.results.length === k,
    words: question.value.split(/\s+/),
    other: also ? { text, question: { ...question, by: "name" } } : null,
  };
}

async function names(question, { hears, status, k, cursor, signal }) {
  const found = await get("/v1/sounds", { name: allWords(question), folder: question.folder, limit: k, cursor }, signal);
  const rows = found.results.filter((row) => fits(row, question));
  return {
    ...NOTHING,
    rows,
    said: saidOfNames(question, rows.length, status, hears),
    next: found.next,
    words: question.value.split(/\s+/),
    other: question.by === "name" && hears ? { text: "Search by how it sounds", question: { ...question, by: "text" } } : null,
  };
}

/** Lists of names know no durations: what does not fit is left out here. */
function fits(row, { min, max }) {
  return (!min || row.duration >= Number(min)) && (!max || row.duration <= Number(max));
}

function saidOfNames(question, found, status, hears) {
  const { folder, called, min, max } = question;
  if (question.by === "all" && (folder || called || min || max)) return found ? "What passes the filters." : "Nothing passes the filters.";
  if (question.by === "all") return found ? `All sounds${status ? `: ${count(status.sounds)}` : ""}.` : "";
  const by = found ? `File names and labels with “${question.value}”.` : `No file name or label has “${question.value}”.`;
  return hears || question.by === "name" ? by : `${by} Searching by how words sound needs a CLAP model: “timbred model list” names some, “timbred model fetch” gets one.`;
}

function ifAborted(error) {
  if (error.name === "AbortError") throw error;
  return null;
}
