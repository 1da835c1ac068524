// What a refusal of an input means: the servers name a field and a technical reason, people read one of these.

/** The first that fits decides. Each is a text, `refusal.<name>`. */
const MEANINGS: [RegExp, string][] = [
  [/^(connect|disconnect|subscribe|publish): /, "broker"],
  [/^file: /, "outbox_file"],
  [/no longer kept: only counted/, "only_counted"],
  [/taken in again/, "taken_in"],
  [/repeated within/, "repeated"],
  [/BSN|GSRN/, "personal"],
  [/misread|names no thing|empty code|^code: (more|longer) than|brackets/, "code"],
  [/parcel that the record does not know/, "parcel"],
  [/stop that the record does not know/, "stop"],
  [/tablet's clock/, "tablet_clock"],
  [/later than the hub's clock/, "early"],
  [/^clock: /, "clock"],
  [/baud rate|VE\.Direct port/, "line"],
  [/damaged|CRC|checksum|cut short|cannot be read|no text|too short|broken off/, "damaged"],
  [/does not offer it|\brefused \(code/, "vehicle_lacks"],
  [/\bjump\b|outside the Earth|is no fix|faster than/, "jump"],
  [/out of range|Expected `(float|int)` [<>]/, "range"],
  [/older plan|not for us|no use for this/, "plan"],
  [/settings say/, "kind"],
  [/more than was ever sent/, "never_sent"],
  [/\bseal\b/, "key"],
  [/unknown gateway|is not of gateway/, "stranger"],
  [/^version: /, "version"],
  [/oldest was (dropped|thinned)/, "full"],
  [/disk refuses/, "disk"],
  [/database refuses/, "not_stored"],
  [/in the hub; see its log/, "hub_fault"],
  [/another site's page/, "other_site"],
  [/send fewer records/, "too_much"],
  [/more kinds of faults/, "many"],
  [/unknown (reading|alarm)|neither 0 nor 1|\d bytes[ ,]|empty (payload|scan)|no UTF-8/, "form"],
  [/^(\S+: )?(Expected|Invalid|Object|JSON|Input data)\b|lies after|^topic: |neither an event nor/, "form"],
];

/** The name of the meaning; "other" where none is known. */
export function meaningOf(field: string, reason: string): string {
  const said = field === "" ? reason : `${field}: ${reason}`;
  return MEANINGS.find(([pattern]) => pattern.test(said))?.[1] ?? "other";
}
