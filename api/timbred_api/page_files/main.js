/** The page: what its address asks, answered; and everything that changes the address. */

import { answer } from "./answers.js";
import { latest } from "./api.js";
import { AskedCard, showTrail } from "./asked.js";
import { byId, el } from "./dom.js";
import { Duplicates } from "./duplicates.js";
import { Filters } from "./filters.js";
import { copyPath, Revealer } from "./give.js";
import { listenForDrops, listenForFiles, Recorder } from "./intake.js";
import { listenForKeys } from "./keys.js";
import { firstRun, Library } from "./library.js";
import { SoundMap } from "./map.js";
import { Player } from "./player.js";
import { addressOf, bySound, questionOfWords, readQuestion, Uploads } from "./question.js";
import { Results } from "./results.js";
import { listenToHover, listenToTheme } from "./settings.js";
import { Live, showStatus } from "./status.js";
import { Shapes, Watchers } from "./waveform.js";
import { Weights } from "./weights.js";

const FIRST = 30;
const MOST = 1000;
const TYPING_MS = 150;
const SLIDING_MS = 60;
const NOTICE_MS = 6000;
const TRAIL = 6;
const TITLES = { search: "Search", map: "Map", duplicates: "Duplicates", library: "Library" };

class Page {
  #question = readQuestion(location.search);
  #answer = null;
  #wanted = FIRST;
  #uploads = new Uploads();
  #live = new Live();
  #player = new Player();
  #watchers = new Watchers();
  #begin = latest();
  #early = null;
  #later = 0;
  #noticeTimer = 0;
  #folders = "";

  constructor() {
    if (this.#question.view === "search" && bySound(this.#question)) this.#early = this.#ask(); // while the page is put together
    const say = (text) => this.#notice(text);
    const tools = {
      player: this.#player,
      shapes: new Shapes(),
      watchers: this.#watchers,
      revealer: new Revealer(),
      folders: () => this.#live.status?.folders.map((folder) => folder.path) ?? [],
      words: () => this.#answer?.words ?? [],
      hovers: () => byId("hover").checked,
      say,
      go: (id) => this.#go({ ...this.#question, view: "search", by: "id", value: String(id) }),
      found: () => ({ asked: this.#answer?.asked?.sound_id ?? null, ids: this.#answer?.rows.map((row) => row.sound_id) ?? [] }),
    };
    this.results = new Results(byId("results"), tools);
    this.asked = new AskedCard(byId("asked"), tools);
    this.weights = new Weights(byId("weights"), (weights) => this.#refine({ weights }));
    this.filters = new Filters(byId("filters"), (filters) => this.#refine(filters));
    this.library = new Library(byId("view-library"), say);
    this.duplicates = new Duplicates(byId("view-duplicates"), tools);
    this.map = new SoundMap(byId("view-map"), tools);
    this.#listen(say);
  }

  /** Shows what the address asks; asks for the status beside it, and follows it from then on. */
  async start() {
    history.scrollRestoration = "manual";
    byId("panel").open = matchMedia("(min-width: 60rem)").matches;
    const status = this.#live.ask();
    if (!bySound(this.#question)) await status; // what words mean depends on CLAP
    await this.#show();
    this.#live.start();
  }

  get #hears() {
    const clap = this.#live.status?.spaces.clap;
    return Boolean(clap?.version) && clap.advice === null;
  }

  /** Goes to another question: a new address, and a step for "back". */
  #go(question, { replace = false } = {}) {
    const next = this.#trailTo(question);
    if (replace) history.replaceState({ ...history.state, trail: next }, "", addressOf(question));
    else {
      history.replaceState({ ...history.state, scroll: scrollY, focus: this.results.current?.sound.sound_id }, "");
      history.pushState({ trail: next }, "", addressOf(question));
    }
    this.#question = question;
    this.#wanted = FIRST;
    return this.#show({ scroll: replace ? null : 0 });
  }

  /** The sounds on the way to this question: one more, or those before it where it is on the way itself. */
  #trailTo(question) {
    if (!bySound(question)) return [];
    const trail = history.state?.trail ?? [];
    const at = trail.findIndex(({ address }) => address === addressOf(question));
    if (at >= 0) return trail.slice(0, at);
    const from = bySound(this.#question) && this.asked.name;
    return from ? [...trail, { address: addressOf(this.#question), label: from }].slice(-TRAIL) : trail;
  }

  /** The same sound, other weights or filters: no step for "back", and only the last of many is asked. */
  #refine(change) {
    this.#question = { ...this.#question, ...change };
    history.replaceState(history.state, "", addressOf(this.#question));
    this.weights.show(this.#question.weights);
    this.filters.show(this.#question);
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.#show(), SLIDING_MS);
  }

  /** `again`: the same question once more; what is being typed stays. */
  async #show({ scroll = null, focus = null, again = false } = {}) {
    const question = this.#question;
    this.#showView(question);
    if (question.view !== "search") byId("view-search").removeAttribute("aria-busy");
    if (question.view === "map") await this.#answerForMap(question);
    if (question.view !== "search") return;
    if (!again) byId("words").value = ["text", "name"].includes(question.by) ? question.value : "";
    this.weights.matter = bySound(question);
    this.weights.show(question.weights);
    this.filters.show(question);
    byId("newer").hidden = true;
    byId("view-search").setAttribute("aria-busy", "true");
    try {
      const { signal, found } = this.#early ?? this.#ask();
      this.#early = null;
      await this.#showAnswer(await found, question, signal);
      if (scroll !== null) scrollTo(0, scroll);
      if (focus !== null) this.results.focus(focus);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#showTrouble(error.message);
    }
    byId("view-search").removeAttribute("aria-busy");
  }

  /** Begins to ask what the address asks; what was asked before is aborted. */
  #ask() {
    const signal = this.#begin();
    return { signal, found: answer(this.#question, { uploads: this.#uploads, hears: this.#hears, status: this.#live.status, k: this.#wanted, signal }) };
  }

  /** A map that was opened by its address marks what is like the sound of that address. */
  async #answerForMap(question) {
    if (this.#answer !== null || !bySound(question)) return;
    this.#answer = await answer(question, { uploads: this.#uploads, k: this.#wanted }).catch(() => null);
    this.map.redraw();
  }

  async #showAnswer(found, question, signal) {
    this.#answer = found;
    byId("trouble").hidden = true;
    this.results.show(found.rows, question);
    this.#say(found);
    byId("more").hidden = found.next === null && (!found.canGrow || this.#wanted >= MOST);
    this.#offerFolders();
    await this.asked.show(found.asked, signal);
    showTrail(byId("trail"), history.state?.trail ?? [], this.asked.name);
    this.#showTitle(question);
    this.#showFirstRun();
  }

  #say({ said, notes, other }) {
    const link = other ? el("a", { href: addressOf(other.question) }, other.text) : null;
    byId("said").replaceChildren(...[[said, ...notes].join(" "), link && " ", link].filter(Boolean));
  }

  #showTrouble(sentence) {
    this.#answer = null;
    this.results.clear();
    this.asked.show(null);
    byId("said").textContent = "";
    byId("more").hidden = true;
    byId("trouble").textContent = sentence;
    byId("trouble").hidden = false;
  }

  async #more() {
    const { next } = this.#answer;
    if (next === null) {
      this.#wanted = Math.min(MOST, this.#wanted * 2);
      return this.#show();
    }
    try {
      const found = await answer(this.#question, { hears: this.#hears, status: this.#live.status, k: FIRST, cursor: next });
      this.#answer = { ...found, said: this.#answer.said };
      this.results.add(found.rows, this.#question);
      byId("more").hidden = found.next === null;
    } catch (error) {
      this.#notice(error.message);
    }
  }

  #showView({ view }) {
    for (const name of Object.keys(TITLES)) byId(`view-${name}`).hidden = name !== view;
    for (const link of document.querySelectorAll("nav [data-view]")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.map.shown = view === "map";
    this.duplicates.shown = view === "duplicates";
    this.library.shown = view === "library";
    if (view !== "search") this.#showTitle(this.#question);
  }

  #showTitle(question) {
    const about = question.view === "search" ? this.asked.name || question.value : "";
    byId("title").textContent = about ? `${TITLES[question.view]}: ${about}` : TITLES[question.view];
    document.title = about ? `${about} · timbred` : question.view === "search" ? "timbred" : `${TITLES[question.view]} · timbred`;
  }

  /** A library without folders says how to get one. */
  #showFirstRun() {
    const first = this.#live.status !== null && this.#live.status.folders.length === 0;
    const node = byId("first-run");
    if (first && !node.firstChild) firstRun(node, (text) => this.#notice(text));
    node.hidden = !first;
    document.querySelector(".columns").hidden = first;
  }

  #offerFolders() {
    const watched = this.#live.status?.folders.map((folder) => folder.path) ?? [];
    const found = this.#answer.rows.map((row) => row.path.slice(0, row.path.lastIndexOf("/")));
    this.filters.offer([...watched, ...found]);
  }

  #notice(text) {
    const notice = byId("notice");
    notice.textContent = text;
    notice.hidden = false;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      notice.hidden = true;
    }, NOTICE_MS);
  }

  #take(by, given, name) {
    const value = by === "upload" ? this.#uploads.add(given, name) : given;
    this.#go({ ...this.#question, view: "search", by, value });
  }

  #listen(say) {
    addEventListener("popstate", (event) => {
      this.#question = readQuestion(location.search);
      this.#wanted = FIRST;
      this.#show({ scroll: event.state?.scroll ?? 0, focus: event.state?.focus ?? null });
    });
    document.addEventListener("click", (event) => this.#follow(event));
    byId("ask").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#typed();
    });
    byId("words").addEventListener("input", () => {
      clearTimeout(this.#later);
      this.#later = setTimeout(() => this.#typed(), TYPING_MS);
    });
    byId("more").addEventListener("click", () => this.#more());
    byId("newer").addEventListener("click", () => this.#show({ again: true }));
    this.#player.addEventListener("trouble", (event) => say(event.detail));
    const take = (...sound) => this.#take(...sound);
    listenForDrops(take);
    listenForFiles(byId("choose"), byId("file"), take);
    new Recorder(byId("record"), take, say);
    this.#listenToKeys();
    listenToHover(say);
    listenToTheme(() => {
      this.#watchers.redraw();
      this.map.redraw();
    });
    this.#listenToDaemon();
  }

  #typed() {
    clearTimeout(this.#later);
    const question = questionOfWords(this.#question, byId("words").value);
    const typing = question.by === this.#question.by || (this.#question.by === "name" && question.by === "text");
    if (addressOf(question) !== addressOf(this.#question)) this.#go(question, { replace: typing });
  }

  /** Links of the page change the question; those that open a new tab are the browser's. */
  #follow(event) {
    const link = event.target.closest("a[href]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const { origin, pathname, search, hash } = new URL(link.href);
    if (origin !== location.origin || pathname !== "/" || hash) return;
    event.preventDefault();
    const [inTrail, inList] = [link.closest(".trail") !== null, link.closest("#results") !== null];
    // What was clicked may be gone with the answer: the keyboard goes on at the top of the new one.
    this.#go(readQuestion(search)).then(() => (inTrail ? byId("content").focus() : inList && this.results.move(0)));
  }

  #listenToKeys() {
    const inList = () => byId("results").contains(document.activeElement);
    const current = () => (this.#question.view === "search" ? this.results.current : null);
    listenForKeys({
      search: () => {
        if (this.#question.view !== "search") this.#go({ ...this.#question, view: "search" });
        byId("words").focus();
        byId("words").select();
      },
      next: () => this.results.move(1),
      previous: () => this.results.move(-1) || byId("words").focus(),
      play: () => (inList() || !this.#answer?.asked ? current()?.toggle() : this.asked.toggle()),
      details: () => current()?.open(!current().isOpen()),
      copy: () => current() && copyPath(current().sound, (text) => this.#notice(text)),
      hover: () => byId("hover").click(),
      map: () => this.#go({ ...this.#question, view: "map" }).then(() => document.querySelector("#view-map .over").focus()),
      back: () => history.back(),
      help: () => byId("help").showModal(),
      stop: () => this.#player.stop(),
    });
    byId("help-open").addEventListener("click", () => byId("help").showModal());
  }

  #listenToDaemon() {
    this.#live.addEventListener("status", ({ detail: status }) => {
      showStatus(status);
      this.library.update(status);
      this.weights.hears = this.#hears;
      const folders = status.folders.map((folder) => folder.path).join("\n");
      if (folders !== this.#folders) for (const shown of [this.results, this.asked]) shown.refresh(); // places are shown below their folder
      this.#folders = folders;
      if (!byId("first-run").hidden && status.folders.length) this.#show();
    });
    this.#live.addEventListener("library", () => {
      const empty = this.#answer?.rows.length === 0;
      if (this.#question.view === "search" && empty) this.#show({ again: true });
      else byId("newer").hidden = this.#answer === null;
    });
    this.#live.addEventListener("gone", () => {
      byId("status").replaceChildren(el("span", { class: "dot is-gone" }), "not running");
      this.#notice("timbred does not answer. Is it still running? This page tries again by itself.");
    });
    this.#live.addEventListener("back", () => {
      this.#notice("timbred is back.");
      this.#show({ again: true });
    });
  }
}

new Page().start();
