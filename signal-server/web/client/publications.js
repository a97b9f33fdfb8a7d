// The tracks that a participant sends: at most one of each source and kind.

export class Publications {
  #all = new Map(); // "camera video" -> { source, kind, track, stream }
  #streams = new Map(); // one for the person and one for the screen
  isPermitted = true; // whether anything of it may be sent

  // A track of null keeps the place of a track that is paused.
  set(source, kind, track) {
    const place = `${source} ${kind}`;
    const group = source === "screen" ? "screen" : "person";
    const stream = this.#streams.get(group) ?? new MediaStream();
    this.#streams.set(group, stream);
    const before = this.#all.get(place)?.track;
    if (before) stream.removeTrack(before);
    if (track) stream.addTrack(track);
    this.#all.set(place, { source, kind, track, stream });
  }

  pause(source) {
    for (const { kind } of this.#of(source)) this.set(source, kind, null);
  }

  delete(source) {
    for (const { kind, track, stream } of this.#of(source)) {
      if (track) stream.removeTrack(track);
      this.#all.delete(`${source} ${kind}`);
    }
  }

  // For peers that distinguish several tracks.
  get places() {
    return this.#all;
  }

  // For peers of v1, which show one picture of each participant: the screen, while there is one,
  // takes the place of the camera.
  get placesForV1() {
    const picture = this.#all.get("screen video") ?? this.#all.get("camera video");
    const sound = this.#all.get("microphone audio");
    const stream = this.#streams.get("person") ?? picture?.stream;
    const places = new Map();
    if (sound) places.set("microphone audio", sound);
    if (picture) places.set("camera video", { ...picture, stream });
    return places;
  }

  #of(source) {
    return [...this.#all.values()].filter((publication) => publication.source === source);
  }
}
