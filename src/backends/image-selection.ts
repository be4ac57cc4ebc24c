// The filter of ListImages, applied to a list as one runtime or another applies it: a snapshot that stands for a backend
// must answer what the backend would have answered.
import type { ImageFilterWay } from '../cri/image-filters.ts';
import { type ImageNames, mayMean, withTag } from '../cri/image-reference.ts';
import { fitsPattern, readPattern } from '../cri/reference-pattern.ts';
import { forEachRecord, readString, readStrings } from '../cri/wire.ts';

const RECORDS = 1;
const ID = [1];
const TAGS = [2];
const DIGESTS = [3];

/** The images of a list reply that the filter `reference` asks for, as a list reply. '' asks for all. */
export function selectImages(list: Buffer, reference: string, way: ImageFilterWay): Buffer {
  if (reference === '') return list;
  switch (way) {
    case 'ignored':
      return list;
    case 'looked up': {
      // A runtime takes the image of just that name, and only else looks for what the reference may mean.
      const named = imagesThat(list, (names) => isNamed(names, reference));
      return named.length > 0 ? named : imagesThat(list, (names) => mayMean(reference, names));
    }
    case 'pattern': {
      const pattern = readPattern(reference);
      // The runtime would refuse a broken one; there is no image that it fits.
      if (pattern === undefined) return Buffer.alloc(0);
      return imagesThat(list, ({ tags, digests }) =>
        [...tags, ...digests].some((known) => !known.startsWith('<none>') && fitsPattern(pattern, known)),
      );
    }
    default:
      return way satisfies never;
  }
}

function isNamed({ id, tags, digests }: ImageNames, reference: string): boolean {
  return id === reference || tags.includes(withTag(reference)) || digests.includes(reference);
}

function imagesThat(list: Buffer, isWanted: (names: ImageNames) => boolean): Buffer {
  const wanted: Buffer[] = [];
  forEachRecord(list, 0, list.length, RECORDS, (recordStart, start, end) => {
    const names = {
      id: readString(list, start, end, ID) ?? '',
      tags: readStrings(list, start, end, TAGS),
      digests: readStrings(list, start, end, DIGESTS),
    };
    if (isWanted(names)) wanted.push(list.subarray(recordStart, end));
  });
  return Buffer.concat(wanted);
}
