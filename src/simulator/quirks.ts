// The quirk profiles by name: one row of facts for each runtime the simulator can play.
// Ideal: one CRI. Why not: the runtimes differ in codes, texts, URLs and gaps, and a proxy must live with all of them.

import { CONTAINERD_PROFILES, REFERENCE_PROFILE } from './containerd-profiles.ts';
import { CRI_DOCKERD_PROFILE, CRIO_PROFILE } from './other-profiles.ts';
import type { Profile, ProfileName, Refusal } from './profile.ts';

const PROFILES: Readonly<Record<ProfileName, Profile>> = {
  ...CONTAINERD_PROFILES,
  'cri-o': CRIO_PROFILE,
  'cri-dockerd': CRI_DOCKERD_PROFILE,
  reference: REFERENCE_PROFILE,
};

/** The facts of one runtime. */
export function profileOf(name: ProfileName): Profile {
  return PROFILES[name];
}

/** True when the text names a profile; for command lines. */
export function isProfileName(text: string): text is ProfileName {
  return Object.hasOwn(PROFILES, text);
}

/** Fills the `{name}` places of a refusal's text. */
export function refusalText(refused: Refusal, values: Readonly<Record<string, string>>): string {
  return refused.text.replace(/\{([a-z]+)\}/g, (place, key: string) => values[key] ?? place);
}
