// The gateway's words, from its own schema.
import type { components } from "./api.generated";

type Schemas = components["schemas"];

export type State = Schemas["PageState"];
export type Cooler = Schemas["PageCooler"];
export type Scan = Schemas["PageScan"];
export type ScanAnswer = Schemas["ScanAnswer"];
export type ScanRequest = Schemas["ScanRequest"];
export type RecordsAnswer = Schemas["RecordsAnswer"];
export type TourRecord = Schemas["TourRecord"];
export type VisitRecord = Schemas["VisitRecord"];
export type PageRecord = TourRecord | VisitRecord;
export type Phase = TourRecord["phase"];
export type Outcome = Schemas["Outcome"];
export type VanPlan = Schemas["VanPlan"];
export type HubManifest = Schemas["HubManifest"];
export type Stop = Schemas["PlannedStop"];
export type Parcel = Schemas["PlannedParcel"];
