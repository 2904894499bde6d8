import assert from "node:assert/strict";
import { test } from "node:test";
import { podLine } from "../../src/session/podline";

test("a pod's line says when and where", () => {
  const time = new Date(2026, 0, 2, 3, 4, 5).toISOString();
  assert.equal(
    podLine({ time, stream: "stdout", text: "\u001b[31mup", pod: "web-1", container: "app" }),
    "03:04:05 web-1/app | up",
  );
  assert.equal(podLine({ time, stream: "event", text: "Warning BackOff" }), "03:04:05 event | Warning BackOff");
  const none = "0001-01-01T00:00:00Z";
  assert.equal(podLine({ time: none, stream: "stdout", text: "x", pod: "web-1" }), "         web-1 | x");
});
