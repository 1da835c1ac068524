// The hub's words, as these pages use them.

export interface Health {
  status: string;
  now_s: number;
  rejected: number;
  dispatch?: { waiting_triggers: number; solving: boolean } | null;
}

export interface Van {
  van: string;
  hub: string;
  concierge: string;
  in_service: boolean;
  out_reason: string;
  fix_s: number | null;
  fix: string;
  lat: number | null;
  lon: number | null;
  speed_m_s: number | null;
  heading_deg: number | null;
  soc_percent: number | null;
  plugged: boolean | null;
  phase: string;
  stop: string | null;
}

export interface PlanStop {
  stop: string;
  kind: string;
  address: string;
  name: string;
  lat: number;
  lon: number;
  arrive_s: number;
  start_s: number;
  depart_s: number;
  window_from_s: number | null;
  window_to_s: number | null;
  promised_s?: number | null;
  state: string;
  locked: boolean;
  orders?: string[];
}

export interface PlanRoute {
  van: string;
  start_s: number;
  end_s: number;
  distance_m: number;
  drive_s: number;
  soc_end_percent: number | null;
  stops: PlanStop[];
  geometry: [number, number][];
}

export interface DayPlan {
  id: string;
  day: string;
  revision: number;
  made_s: number;
  reason: string;
  engine: string;
  solve_s: number;
  routes: PlanRoute[];
  unserved: { stop: string; address: string; reason: string }[];
  changes: string[];
}

export interface Revision {
  id: string;
  revision: number;
  made_s: number;
  reason: string;
  changes: string[];
}

export interface MapInfo {
  name: string;
  bounds: [number, number, number, number];
  attribution: string;
}

export interface CoolerNow {
  source: string;
  t_s: number;
  air_c: number | null;
  product_c: number | null;
  lid_open: boolean | null;
  lid_s: number | null;
  state: string;
  limit_low_c: number | null;
  limit_high_c: number | null;
}

export interface Series {
  t_s: number[];
  air_c: (number | null)[];
  product_c: (number | null)[];
}

export interface Excursion {
  id: string;
  source: string;
  rule: string;
  limit_c: number;
  began_s: number;
  opened_s: number;
  extreme_c: number;
  recovered_s: number | null;
  closed_s: number | null;
  closed_by: string;
  comment: string;
  disposition: string;
}
