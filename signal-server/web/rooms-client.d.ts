// The API of rooms-client.js.

/** A signaling server. */
export class Client {
  /**
   * `server` is its address, like `https://rooms.example.com`; that of the page by default.
   * `language` is that of the server's texts, like `en` or `zh-CN`; that of the browser by default.
   */
  constructor(server?: string, options?: { language?: string });

  /** Creates a room for the user of the access token. Fails with {@link RequestError}. */
  createRoom(accessToken: string, settings?: NewRoom): Promise<CreatedRoom>;
  /** Shows a room to its creator. Fails with {@link RequestError}. */
  showRoom(accessToken: string, roomId: string): Promise<RoomDetails>;
  /** Changes a room for its creator. Fails with {@link RequestError}. */
  changeRoom(accessToken: string, roomId: string, changes: RoomChanges): Promise<RoomDetails>;
  /** Closes a room for everybody. Fails with {@link RequestError}. */
  closeRoom(accessToken: string, roomId: string): Promise<{ room_id: string }>;
  /** Removes a participant; with `ban`, the room gets a new password too. */
  kick(
    accessToken: string,
    roomId: string,
    participantId: string,
    options?: { ban?: boolean },
  ): Promise<Kicked>;

  /**
   * Joins a room by its password or an invite token, and takes a seat. Fails with
   * {@link RequestError} if the server refuses the request, and with {@link EntryError} if no seat
   * is free or the socket cannot be opened.
   */
  join(roomId: string, entry: Entry): Promise<Participant>;
  /**
   * Takes a seat with the `ws_token` of {@link createRoom}, or with the access token of the room's
   * creator. Fails with {@link EntryError}.
   */
  enter(roomId: string, token: string, options?: { tracks?: SourceTrack[] }): Promise<Participant>;
}

/** All fields are optional; see `POST /api/webrtc/rooms` in docs/api.md for the defaults. */
export interface NewRoom {
  name?: string;
  /** Exactly 6 characters of ASCII, from `!` to `~`. */
  password?: string;
  /** 1 to 50. */
  max_participants?: number;
  /** 1 to 1440. */
  expires_minutes?: number;
  on_creator_leave?: "close" | "keep";
}

export interface CreatedRoom {
  room_id: string;
  password: string;
  name: string;
  max_participants: number;
  /** RFC 3339. */
  expires_at: string;
  participant_id: string;
  /** Takes the creator's seat, for ten minutes. */
  ws_token: string;
  token_expires_at: string;
  ice_servers: RTCIceServer[];
  invite_token: string;
  /** Absent where the server does not know the address of the page. */
  join_url?: string;
}

export interface RoomDetails {
  room_id: string;
  name: string;
  max_participants: number;
  participant_count: number;
  locked: boolean;
  password_attempts_left: number;
  on_creator_leave: "close" | "keep";
  created_at: string;
  expires_at: string;
  password?: string;
  invite_token?: string;
  join_url?: string;
}

export interface RoomChanges {
  name?: string;
  locked?: boolean;
  max_participants?: number;
  expires_minutes?: number;
  rotate_password?: true | string;
  restore_attempts?: boolean;
}

export interface Kicked {
  participant_id: string;
  /** Present after a ban, like the next two. */
  password?: string;
  invite_token?: string;
  join_url?: string;
}

export interface Entry {
  password?: string;
  /** Takes precedence over the password. */
  inviteToken?: string;
  name?: string;
  /** The tracks to send from the beginning. */
  tracks?: SourceTrack[];
}

/** The source of a track. */
export type Source = "camera" | "microphone" | "screen" | "file";

export interface SourceTrack {
  source: Source;
  track: MediaStreamTrack;
}

/** Another participant in the room. */
export interface Peer {
  readonly id: string;
  readonly name: string;
  readonly isCreator: boolean;
  /** Whether the participant has a socket to the server; media may flow without one. */
  readonly connected: boolean;
  /** The state that the participant has set with {@link Participant.update}. */
  readonly state?: unknown;
  /** The attributes that the host application has given the participant. */
  readonly attributes?: Record<string, string>;
  /** Whether the participant may send media. While it may not, `media` is empty. */
  readonly publish: boolean;
  /** The tracks that the participant sends now. */
  readonly media: readonly SourceTrack[];
  /** Absent until one of the two has offered. */
  readonly connection?: PeerConnection;
}

export interface PeerConnection {
  readonly state: RTCPeerConnectionState;
  /** The audio level of the peer, from 0 to 1. */
  readonly level: number;
  /** For `getStats`. A new one replaces it if the peer makes a new connection. */
  readonly pc: RTCPeerConnection;
}

/** What this participant may do. The host application decides. */
export interface Permissions {
  /** Send messages to participants or to the host application. */
  message: boolean;
  /** Change its name and state. */
  update: boolean;
  /** Send media and data, which the others ignore otherwise. */
  publish: boolean;
  /** Moderate the room with {@link Participant.moderate}. */
  moderate: boolean;
}

/** The room, as its participants see it. */
export interface Room {
  id: string;
  name: string;
  max_participants: number;
  expires_at: string;
  locked: boolean;
}

/** The events of a {@link Participant}, by the types of their `detail`. */
export interface ParticipantEvents {
  peerjoined: { peer: Peer };
  /** The name, the state, the media or the connection of the peer has changed. */
  peerchanged: { peer: Peer };
  /** `kicked` also after a ban; `lost` if the peer did not come back in time. */
  peerleft: { peer: Peer; reason: "left" | "lost" | "kicked" | "replaced" };
  roomchanged: undefined;
  /** This participant may do other things than before: see `permissions`. */
  permissionschanged: undefined;
  message: { from: string; topic: string; data: unknown };
  /**
   * `reconnecting` while there is no socket to the server; calls go on. With `connected`, `lossy`
   * tells whether messages to or from the server were lost meanwhile.
   */
  status: { status: "connected" | "reconnecting"; lossy: boolean };
  /** The room closes, or this participant is removed; `ended` follows. */
  closing: { kind: "room_closed" | "kicked"; code?: string; reason: string };
  /**
   * The password attempts of the room are used up, or all of them are available again. Only the
   * creator gets this.
   */
  passwordattempts: { left: number; retryAfterMs: number };
  /**
   * The server has refused a message. `req` is what {@link Participant.moderate} or
   * {@link Participant.send} returned, and absent for other messages. A `rate_limited` without
   * `about` is told once a second at most: the server drops messages unread, and may drop others
   * silently from a second before to a second after. `about` is a participant that the message
   * named or did not reach, or `host`.
   */
  refused: { code: string; message: string; about?: string; req?: string };
  /** The stay has ended; the close code is the reason. After 4510, join again. */
  ended: { code: number; error?: string };
}

/** This page's stay in a room. When `join` resolves, `peers` has the present participants. */
export class Participant extends EventTarget {
  private constructor();
  readonly id: string;
  readonly room: Room;
  readonly permissions: Permissions;
  readonly peers: ReadonlyMap<string, Peer>;
  /** Milliseconds until the room ends, by the clock of the server. */
  readonly timeLeftMs: number;
  readonly status: "entering" | "connected" | "reconnecting" | "ended";

  /** Sends a track to everybody; one of the same source and kind is replaced. */
  publish(source: Source, track: MediaStreamTrack): void;
  /** Sends nothing of this source until the next `publish`, without a negotiation. */
  pause(source: Source): void;
  unpublish(source: Source): void;
  /**
   * Shares so many bits a second among the peers, 2.5 million by default: sound first, then
   * pictures, which become smaller where there are many peers.
   */
  limitUplink(bitsPerSecond: number): void;
  /** Sends a new name or state to the others. A state is any JSON value of up to 4 KiB. */
  update(change: { name?: string; state?: unknown }): void;
  /**
   * Sends any JSON value of up to 16 KiB to a participant, to `"room"` or to `"host"`. A failure is
   * told by `refused` with the `req` that this returns.
   */
  send(to: string, topic: string, data: unknown): string;
  /**
   * Kicks or bans a participant other than the creator, or locks, unlocks or closes the room. A
   * success shows only by its effect: `peerleft` with `kicked`, `roomchanged` or `ended`. A
   * failure, as without the permission, is told by `refused` with the `req` that this returns.
   */
  moderate(action: "kick" | "ban", participantId: string): string;
  moderate(action: "lock" | "unlock" | "close"): string;
  /**
   * Ends the seat. A creator who leaves closes the room, unless it was created otherwise. While the
   * page reconnects, the server is told as soon as it is reached, for up to 10 s.
   */
  leave(): void;

  addEventListener<K extends keyof ParticipantEvents>(
    type: K,
    listener: (event: CustomEvent<ParticipantEvents[K]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

/** A request was refused, or did not reach the server. */
export class RequestError extends Error {
  /** The stable code of the server, or `unreachable`. */
  readonly code: string;
  /** The HTTP status, or 0. */
  readonly status: number;
  /** Seconds to wait before the next try, if the server has named them. */
  readonly retryAfter?: number;
}

/** No seat was free, or the socket could not be opened. */
export class EntryError extends Error {
  /** The stable code of the server, or `unreachable`. */
  readonly code: string;
  readonly closeCode: number;
}
