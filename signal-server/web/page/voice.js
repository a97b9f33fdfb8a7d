// Whether this participant speaks, and whether it does so while it is muted.

export class Voice {
  #isLoud = false;
  #microphone;
  #copy; // which muting does not silence; its sound stays on this machine
  #context;
  #analyser;
  #waiting; // for a click, with which the context starts
  // As long as the time between two looks, so that no word falls between them.
  #samples = new Float32Array(8192);
  #listening = setInterval(() => this.#listen(), 200);
  #unheard = 0; // how often it spoke since it was muted
  #onUnheard;

  // onUnheard: called once for each time of being muted, if the participant speaks then
  constructor(onUnheard) {
    this.#onUnheard = onUnheard;
  }

  get isSpeaking() {
    return this.#isLoud && !this.#isMuted;
  }

  get #isMuted() {
    return !this.#microphone?.enabled;
  }

  // Listens to that microphone, or to none.
  use(microphone) {
    if (microphone === this.#microphone) return;
    this.#release();
    this.#microphone = microphone;
    if (!microphone) return;
    try {
      this.#hear(microphone);
    } catch {
      // Without a device to play on there may be no context. The call goes on without the mark.
      this.#release();
    }
  }

  close() {
    clearInterval(this.#listening);
    this.#release();
  }

  #hear(microphone) {
    this.#copy = microphone.clone();
    this.#copy.enabled = true;
    const context = new AudioContext();
    this.#context = context;
    this.#analyser = new AnalyserNode(context, { fftSize: this.#samples.length });
    context.createMediaStreamSource(new MediaStream([this.#copy])).connect(this.#analyser);
    // Browsers start nothing that has to do with sound before the page was clicked.
    if (context.state === "suspended") {
      const { signal } = (this.#waiting = new AbortController());
      addEventListener("click", () => context.resume().catch(() => {}), { once: true, signal });
    }
  }

  #release() {
    this.#waiting?.abort();
    this.#copy?.stop();
    this.#context?.close();
    this.#copy = this.#context = this.#analyser = this.#waiting = undefined;
  }

  #listen() {
    this.#isLoud = this.#level() > SPEAKING;
    if (!this.#isMuted) {
      this.#unheard = 0;
    } else if (this.#isLoud) {
      this.#unheard += 1;
      if (this.#unheard === NOTICED) this.#onUnheard();
    }
  }

  // The root mean square, from 0 to 1.
  #level() {
    if (!this.#analyser) return 0;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const squares = this.#samples.reduce((sum, sample) => sum + sample * sample, 0);
    return Math.sqrt(squares / this.#samples.length);
  }
}

// The level from which on somebody is shown as speaking.
export const SPEAKING = 0.03;
// As often, a fifth of a second apart, it was no mere noise.
const NOTICED = 5;
