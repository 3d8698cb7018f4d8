// @vitest-environment happy-dom
import { signal } from "@preact/signals";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { StudioDevices } from "../../src/ui/studio/devices";
import { FakeTrack, Gear, settled } from "./gear";

vi.mock("../../src/media/meter", () => ({ LevelMeter: class { close(): void {} } }));
vi.mock("../../src/media/plate", () => ({
  namePlate: (name: string, title: string) => {
    const track = new FakeTrack("video", `${name}, ${title}`);
    return { track, close: () => track.stop() };
  },
}));

const name = signal("Ada");
let gear: Gear;
let devices: StudioDevices;

const showing = () => (devices.picture.value as unknown as FakeTrack | null)?.label ?? null;

async function opened(): Promise<void> {
  const opening = devices.open();
  await gear.answer();
  await opening;
}

beforeEach(() => {
  name.value = "Ada";
  gear = new Gear();
  devices = new StudioDevices(() => ({ name: name.value, title: "Town hall" }));
});

afterEach(() => vi.unstubAllGlobals());

describe("a camera that is off", () => {
  test("is told as long as viewers see the name, and no longer", async () => {
    await opened();
    await devices.toggleCamera();
    expect(devices.composition.value).toBe("plate");
    devices.close();
    expect(devices.composition.value).toBe("nothing");
    await opened();
    expect(devices.composition.value).toBe("camera");
  });

  test("shows a name that was saved later", async () => {
    name.value = "";
    await opened();
    await devices.toggleCamera();
    const before = devices.picture.value;
    name.value = "Grace";
    expect(showing()).toBe("Grace, Town hall");
    expect(before?.readyState).toBe("ended");
    devices.showPlate();
    expect(devices.picture.value?.readyState).toBe("live");
  });
});

describe("what is not shown is not on", () => {
  test("trying again releases what was open", async () => {
    await opened();
    await opened();
    expect(gear.given).toHaveLength(4);
    expect(gear.live).toEqual([devices.camera.value, devices.microphone.value]);
  });

  test("a device that refuses leaves none behind that goes on", async () => {
    await opened();
    const again = devices.open();
    await settled();
    gear.asked.at(-1)?.refuse("NotAllowedError");
    await again;
    expect(devices.camera.value).toBeNull();
    expect(gear.live).toEqual([]);
  });

  test("V twice quickly is off again, whatever the browser answers then", async () => {
    await opened();
    await devices.toggleCamera();
    void devices.toggleCamera();
    await settled();
    void devices.toggleCamera();
    await gear.answer();
    expect(devices.camera.value).toBeNull();
    expect(gear.live).toEqual([devices.microphone.value]);
    void devices.toggleCamera();
    await gear.answer();
    expect(devices.composition.value).toBe("camera");
  });

  test("of two cameras chosen one after the other the second counts", async () => {
    await opened();
    void devices.choose("camera", "first");
    await settled();
    const first = gear.asked.length - 1;
    void devices.choose("camera", "second");
    await gear.answer(-1, "second");
    await gear.answer(first, "first");
    expect(showing()).toBe("second");
    expect(gear.live.map((track) => track.label)).toEqual(["one", "second"]);
  });

  test("keys switch nothing on after everything was released", async () => {
    await opened();
    devices.close();
    const asked = gear.asked.length;
    devices.toggleMute();
    void devices.toggleCamera();
    void devices.toggleScreen();
    await settled();
    expect(gear.asked).toHaveLength(asked);
    expect(devices.isMuted.value).toBe(false);
    expect(gear.live).toEqual([]);
  });

  test("an answer that comes after everything was released is released too", async () => {
    const opening = devices.open();
    await settled();
    devices.close();
    await gear.answer();
    await opening;
    expect(devices.camera.value).toBeNull();
    expect(gear.live).toEqual([]);
    await opened();
    expect(gear.live).toHaveLength(2);
  });
});
