/** The page: keeps the cameras, the socket and the list of alerts together, and draws at a calm pace. */

import { AlertWatch } from "./alert-watch.js";
import { LatestAlerts } from "./alerts.js";
import * as api from "./api.js";
import { Camera } from "./camera.js";
import { CameraDetail } from "./camera-detail.js";
import { CameraForm } from "./camera-form.js";
import { CameraTile } from "./camera-tile.js";
import { confirm, prepareDialogs } from "./dialogs.js";
import { find, setText } from "./dom.js";
import { Feed } from "./feed.js";
import { clock, counted } from "./format.js";
import { Notifications } from "./notifications.js";
import { Overview } from "./overview.js";
import { SnapshotPacer } from "./pictures.js";
import { Review } from "./review.js";
import { isRunning } from "./status.js";
import { reducedMotion } from "./theme.js";

/** Scores tell at once when a state changes; this is for rates, settings and cameras that come and go. */
const STATUS_MS = 10_000;
/** Several cameras often change together; one question a moment later is enough for all. */
const STATUS_SOON_MS = 300;
const ENROLMENT_MS = 1500;
const DRAW_MS = 200;
const DRAW_REDUCED_MS = 1000;
/** Scores fetched for a camera that comes into view, and for the open one. */
const TILE_SCORES = 1200;
const DETAIL_SCORES = 5000;
const DROPPED_NOTE_MS = 10_000;

class Page {
  constructor() {
    /** @type {Map<string, Camera>} */
    this.cameras = new Map();
    /** @type {Map<string, CameraTile>} */
    this.tiles = new Map();
    /** @type {CameraDetail|null} */
    this.detail = null;
    this.pacer = new SnapshotPacer();
    this.alerts = new LatestAlerts({ onJudged: () => this.judged() });
    this.review = new Review({ cameras: () => [...this.cameras.values()].map(({ stream }) => stream), onJudged: () => this.judged() });
    this.notifications = new Notifications(find(document, "#notifying"));
    this.watch = new AlertWatch({
      onAlerts: (alerts, unreviewed) => void (this.review.visible ? this.review.news(alerts, unreviewed) : this.alerts.refresh()),
      onNew: (alerts) => {
        this.notifications.tell(alerts);
        for (const alert of alerts) this.alerts.announce(alert);
      },
      onUnreviewed: showUnreviewed,
    });
    this.feed = new Feed(api.url("scores").replace(/^http/, "ws"), {
      onScore: (message) => this.receive(message),
      onState: (state, waiting) => this.connection(state, waiting),
      onDropped: (count) => this.dropped(count),
      probe: api.alive,
    });
    this.overview = new Overview(this.tiles);
    this.statusTimer = 0;
    /** Whether the status is about to be asked for. */
    this.statusSoon = false;
    this.statusLoaded = false;
    this.countdown = 0;
    this.lastDraw = 0;
    this.seen = new IntersectionObserver((entries) => this.scrolled(entries), { rootMargin: "100px" });
    /** The address of the open view, to go back to when somebody stays. */
    this.shownHash = location.hash;
    /** Whether the address is just going back there. */
    this.returning = false;
    this.form = new CameraForm((stream) => {
      this.takeStream(stream);
      this.arrange();
      void this.refreshStatus();
    });
  }

  start() {
    prepareDialogs();
    for (const button of document.querySelectorAll("#add, [data-add]")) button.addEventListener("click", () => this.form.add());
    globalThis.addEventListener("hashchange", () => void this.leaveAndRoute());
    globalThis.addEventListener("beforeunload", (event) => {
      if (this.detail?.zones.changed === true) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.feed.retry();
    });
    this.route();
    this.feed.start();
    void this.refreshStatus();
    setInterval(() => void this.refreshEnrolments(), ENROLMENT_MS);
    requestAnimationFrame((now) => this.draw(now));
  }

  /** @param {import("./api.js").ScoreMessage} message */
  receive(message) {
    const camera = this.cameras.get(message.stream_id);
    if (camera === undefined) return this.refreshSoon();
    const changed = camera.receive(message);
    if (changed.state) this.refreshSoon();
    if (changed.alert) this.watch.kick();
  }

  /** Someone said what an alert was: counts change, and what its camera was taught. */
  judged() {
    this.watch.kick();
    void this.detail?.rules.load();
  }

  /** One question for what changes within a moment; changes that never end must not put it off for ever. */
  refreshSoon() {
    if (this.statusSoon) return;
    this.statusSoon = true;
    clearTimeout(this.statusTimer);
    this.statusTimer = setTimeout(() => void this.refreshStatus(), STATUS_SOON_MS);
  }

  async refreshStatus() {
    this.statusSoon = false;
    clearTimeout(this.statusTimer);
    try {
      const streams = await api.listStreams();
      const ids = new Set(streams.map((stream) => stream.id));
      for (const id of [...this.cameras.keys()]) if (!ids.has(id)) this.forget(id);
      for (const stream of streams) this.takeStream(stream);
      if (!this.statusLoaded) {
        this.statusLoaded = true;
        this.route();
      }
      this.arrange();
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      // Without the service the banner of the lost connection says so.
    } finally {
      if (!this.statusSoon) {
        clearTimeout(this.statusTimer);
        this.statusTimer = setTimeout(() => void this.refreshStatus(), STATUS_MS);
      }
    }
  }

  /** @param {import("./api.js").Stream} stream */
  takeStream(stream) {
    const known = this.cameras.get(stream.id);
    if (known !== undefined) return known.update(stream);
    const camera = new Camera(stream, this.feed.connected);
    this.cameras.set(stream.id, camera);
    const tile = new CameraTile(camera, this.pacer, () => this.refreshSoon());
    tile.element.dataset.id = stream.id;
    this.tiles.set(stream.id, tile);
    this.seen.observe(tile.element);
  }

  /** @param {string} id */
  forget(id) {
    const tile = this.tiles.get(id);
    if (tile !== undefined) this.seen.unobserve(tile.element);
    tile?.close();
    this.tiles.delete(id);
    this.cameras.delete(id);
    if (this.detail?.camera.id !== id) return;
    this.detail.zones.reset();
    location.hash = "";
  }

  arrange() {
    this.overview.arrange();
    this.review.camerasChanged();
    this.detail?.render();
    for (const tile of this.tiles.values()) tile.render();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  scrolled(entries) {
    for (const { target, isIntersecting } of entries) {
      const tile = this.tiles.get(/** @type {HTMLElement} */ (target).dataset.id ?? "");
      if (tile === undefined) continue;
      tile.setVisible(isIntersecting);
      if (isIntersecting) void this.fill(tile.camera, TILE_SCORES);
    }
  }

  /**
   * Fetches what the socket did not bring: the time before the page was opened, or while the connection was lost.
   * @param {Camera} camera
   * @param {number} count
   */
  async fill(camera, count) {
    if (camera.filled && count <= TILE_SCORES) return;
    camera.filled = true;
    try {
      camera.history.fill(await api.scores(camera.id, count));
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      camera.filled = false;
    }
  }

  async refreshEnrolments() {
    if (document.hidden) return;
    const learning = [...this.cameras.values()].filter(
      (camera) => isLearning(camera) && (this.tiles.get(camera.id)?.visible === true || this.detail?.camera === camera),
    );
    for (const camera of learning) {
      const enrolment = await api.enrolment(camera.id).catch(() => null);
      if (enrolment === null) continue;
      camera.enrolment = enrolment;
      this.tiles.get(camera.id)?.render();
      if (!isRunning(enrolment)) void this.refreshStatus();
    }
  }

  /** Goes where the address leads, but asks first where something would be lost. */
  async leaveAndRoute() {
    if (this.returning) {
      this.returning = false;
      return;
    }
    const wanted = location.hash;
    if (this.detail?.zones.changed === true) {
      this.returning = true;
      location.replace(this.shownHash || "#");
      const sure = await confirm("Leave without saving the zones?", "What you have drawn is lost.", "Leave", "Stay");
      if (!sure) return;
      this.detail.zones.reset();
      location.hash = wanted;
      return;
    }
    this.route();
  }

  route() {
    this.shownHash = location.hash;
    const reviewing = this.review.route(location.hash);
    showView(reviewing ? "review" : "cameras");
    if (!reviewing) void this.alerts.refresh();
    else if (this.watch.watching) this.watch.kick();
    const match = /^#camera\/(.+)$/.exec(location.hash);
    const camera = match === null ? undefined : this.cameras.get(decodeURIComponent(match[1]));
    const gone = find(document, "#gone");
    gone.hidden = match === null || camera !== undefined || !this.statusLoaded;
    this.detail?.close();
    this.detail = null;
    find(document, "#overview").hidden = camera !== undefined;
    const section = find(document, "#detail");
    section.hidden = camera === undefined;
    this.alerts.focusOn(camera?.id ?? null);
    if (camera === undefined) return;
    this.detail = new CameraDetail(camera, {
      onChanged: () => void this.refreshStatus(),
      onDeleted: () => this.forget(camera.id),
      onEdit: () => this.form.edit(camera),
    });
    section.replaceChildren(this.detail.element);
    find(document, "#main").scrollTo(0, 0);
    globalThis.scrollTo(0, 0);
    this.detail.render();
    void this.fill(camera, DETAIL_SCORES);
  }

  /** @param {number} now milliseconds */
  draw(now) {
    requestAnimationFrame((next) => this.draw(next));
    if (now - this.lastDraw < (reducedMotion.matches ? DRAW_REDUCED_MS : DRAW_MS)) return;
    this.lastDraw = now;
    const service = api.serviceNow();
    for (const camera of this.cameras.values()) if (camera.tryIsDue(service)) this.refreshSoon();
    if (this.detail === null) for (const tile of this.tiles.values()) tile.visible && tile.render();
    else this.detail.render();
  }

  /**
   * @param {import("./feed.js").FeedState} state
   * @param {import("./feed.js").Waiting|null} waiting
   */
  connection(state, waiting) {
    clearInterval(this.countdown);
    const note = find(document, "#connection");
    note.dataset.state = state;
    if (state !== "connecting") {
      for (const camera of this.cameras.values()) camera.connected = state === "open";
      this.overview.arrange();
    }
    setText(note, state === "open" ? "Connected" : "Connecting");
    if (state === "open") {
      find(document, "#lost").hidden = true;
      for (const camera of this.cameras.values()) camera.filled = false;
      for (const tile of this.tiles.values()) if (tile.visible) void this.fill(tile.camera, TILE_SCORES);
      if (this.detail !== null) void this.fill(this.detail.camera, DETAIL_SCORES);
      void this.refreshStatus();
      void this.watch.begin();
    } else if (waiting !== null) {
      this.watch.pause();
      const banner = find(document, "#lost");
      if (banner.hidden) {
        banner.hidden = false;
        const why = waiting.reason === "" ? "" : ` (${waiting.reason})`;
        setText(banner, `The connection to the service was lost at ${clock(Date.now())}${why}. What you see is from before that. Trying again.`);
      }
      const tell = () => setText(note, `No connection, next try in ${Math.max(0, Math.ceil((waiting.retryAt - Date.now()) / 1000))} s`);
      tell();
      this.countdown = setInterval(tell, 1000);
    }
  }

  /** @param {number} count */
  dropped(count) {
    const note = find(document, "#connection");
    setText(note, `Connected, ${counted(count, "score")} skipped`);
    note.title = "This page could not keep up for a moment, so the service skipped some scores.";
    setTimeout(() => {
      if (note.dataset.state === "open") setText(note, "Connected");
      note.title = "";
    }, DROPPED_NOTE_MS);
  }
}

/** @param {Camera} camera */
function isLearning(camera) {
  return camera.state === "enrolling" || (camera.enrolment !== null && isRunning(camera.enrolment));
}

/** @param {"cameras"|"review"} view */
function showView(view) {
  document.body.dataset.view = view;
  for (const link of document.querySelectorAll(".views a")) {
    if (link.getAttribute("data-of") === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** @param {number} count of alerts that nobody has reviewed */
function showUnreviewed(count) {
  const badge = find(document, "#unreviewed");
  badge.hidden = count === 0;
  setText(find(badge, "span"), String(count));
  document.title = count === 0 ? "Watchword" : `(${count}) Watchword`;
}

new Page().start();
