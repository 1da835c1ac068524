// The hub's words, from its own schema.
import type { components } from "./api.generated";

type Schemas = components["schemas"];

export type Health = Schemas["Health"];
export type MapInfo = Schemas["MapOut"];
export type Van = Schemas["Van"];
export type DayPlan = Schemas["PlanOut"];
export type PlanRoute = Schemas["PlanRoute"];
export type PlanStop = Schemas["PlanStop"];
export type PlanChange = Schemas["PlanChange"];
export type Revision = Schemas["PlanSummary"];
export type Supplier = Schemas["SupplierOut"];
export type OrdersTaken = Schemas["OrdersTaken"];
export type Cooler = Schemas["Cooler"];
export type CoolerPoint = Schemas["CoolerPoint"];
export type Limit = Schemas["Limit"];
export type Closing = Schemas["Closing"];
export type Gateway = Schemas["Gateway"];
export type RejectKind = Schemas["RejectKind"];
export type RefusedKind = Schemas["RefusedKind"];
export type Excursion = Schemas["Excursion"];
export type Exposed = Schemas["Exposed"];
export type Figures = Schemas["FiguresOut"];
export type Co2Part = Schemas["Part"];
