//! WebRTC room signaling over HTTP and WebSocket.
