/** Where a sound comes from: the microphone, or a file. It is answered as soon as it is there. */

import { Answers } from "./answers.js";
import { dropZone } from "./drop.js";
import { element } from "./element.js";

const RATE = 16_000; // of a model that does not say its own

export class SoundSource {
  #rate;
  #submit;
  #fail;
  #read;
  #sound = null; // as whoever answers takes it
  #recorder = null;
  #turn = 0; // number of the recording or file that was asked for last: what comes late of another is dropped
  #isAsking = false; // for the microphone
  #record = element("button", { type: "button", className: "record", onclick: () => this.#toggle() }, "Record");
  #player = element("audio", { controls: true, hidden: true, "aria-label": "The sound" });
  #name = element("p", { className: "hint", "aria-live": "polite" });

  /**
   * @param {{source: {sample_rate?: number}[]}} model as `GET /v1/models` gives it
   * @param {object} options
   * @param {() => void} options.onsubmit called when there is a sound
   * @param {(error: Error) => void} options.onerror called when there can be none
   * @param {(file: Blob, rate: number) => Promise<unknown>} options.readSound from a file to what whoever answers takes
   */
  constructor(model, { onsubmit, onerror, readSound }) {
    this.#rate = model.source[0].sample_rate ?? RATE;
    this.#read = readSound;
    this.#submit = onsubmit;
    this.#fail = onerror;
    const drop = dropZone({ id: "sound", accept: "audio/*,.wav,.flac", what: "a sound file" }, (file) => this.#take(file, file.name));
    this.element = element("div", { className: "columns" }, element("div", { className: "heard" }, this.#record, drop), this.#player, this.#name);
    this.#name.textContent = "A sound is answered as soon as it is there.";
  }

  /** What to do first, or nothing. */
  get missing() {
    return this.#sound ? "" : "Nothing to hear yet: record or choose a sound first.";
  }

  /** Elements with the answers. */
  async answers({ predict }) {
    const predictions = await predict({ inputs: [this.#sound] });
    return predictions.map((prediction) => new Answers(prediction, null, { isSound: true }).element);
  }

  focus() {
    this.#record.focus();
  }

  /** Let go of the microphone, and of what is still read. */
  leave() {
    this.#turn++;
    URL.revokeObjectURL(this.#player.src);
    if (this.#recorder?.state === "recording") this.#recorder.stop();
    this.#recorder = null;
  }

  async #take(file, name) {
    const turn = ++this.#turn;
    try {
      const sound = await this.#read(file, this.#rate);
      if (turn !== this.#turn) return;
      this.#sound = sound;
      URL.revokeObjectURL(this.#player.src);
      this.#player.src = URL.createObjectURL(file);
      this.#player.hidden = false;
      this.#name.textContent = name;
      this.#submit();
    } catch (error) {
      if (turn === this.#turn) this.#fail(error);
    }
  }

  async #toggle() {
    if (this.#recorder?.state === "recording") return this.#recorder.stop();
    if (this.#isAsking) return;
    const turn = ++this.#turn;
    this.#isAsking = true;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      if (turn === this.#turn) this.#start(stream);
      else hangUp(stream);
    } catch (error) {
      if (turn !== this.#turn) return;
      const reason = navigator.mediaDevices ? `the browser gives no microphone (${error.message})` : "a browser gives a microphone only to https and to this machine";
      this.#fail(new Error(`Recording: ${reason}. Allow it, or choose a file.`));
    } finally {
      this.#isAsking = false;
    }
  }

  #start(stream) {
    const recorder = (this.#recorder = recorderOf(stream));
    const parts = [];
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    recorder.addEventListener("stop", () => {
      hangUp(stream);
      this.#say(false);
      if (this.#recorder === recorder) this.#take(new Blob(parts, { type: recorder.mimeType }), "Recording");
    });
    this.#say(true);
  }

  #say(isRecording) {
    this.#record.textContent = isRecording ? "Stop" : "Record";
    this.#record.classList.toggle("recording", isRecording);
    this.#name.textContent = isRecording ? "Recording…" : "";
  }
}

/** What begins to record a stream, which ends where it cannot be recorded. */
function recorderOf(stream) {
  try {
    const recorder = new MediaRecorder(stream);
    recorder.start();
    return recorder;
  } catch (error) {
    hangUp(stream);
    throw error;
  }
}

/** Let go of the microphone. */
function hangUp(stream) {
  stream.getTracks().forEach((track) => track.stop());
}
