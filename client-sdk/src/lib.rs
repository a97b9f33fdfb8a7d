//! A headless participant for WebRTC rooms.
