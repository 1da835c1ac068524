// The map under the routes, in our own quiet colours: streets pale, houses softly there, so that routes are what you
// see. Layers and attributes are those of routing/basemap.py. There is no `glyphs`: MapLibre draws labels with a font
// of the device, and asks nobody for them.
import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from "maplibre-gl";
import type { Theme } from "../lib/theme.svelte";

interface Palette {
  ground: string;
  built: string;
  green: string;
  water: string;
  house: string;
  road: string;
  casing: string;
  path: string;
  label: string;
  halo: string;
}

const DAY: Palette = {
  ground: "#eaefee",
  built: "#e4eaeb",
  green: "#d3e2d2",
  water: "#b4d2e0",
  house: "#d3dadc",
  road: "#ffffff",
  casing: "#c8d2d6",
  path: "#cbd3d0",
  label: "#3d4b55",
  halo: "#f4f7f7",
};

const NIGHT: Palette = {
  ground: "#141d25",
  built: "#18222b",
  green: "#1a2c26",
  water: "#16384b",
  house: "#222e38",
  road: "#33424e",
  casing: "#0f171e",
  path: "#2a3742",
  label: "#b4c3cd",
  halo: "#141d25",
};

const FONT = ["Atkinson Hyperlegible Next Variable", "sans-serif"];
const WIDE = ["motorway", "trunk", "primary", "secondary", "tertiary"];
const NARROW = ["pedestrian", "track", "cycleway", "footway", "path"];

export function ground(theme: Theme, attribution: string): StyleSpecification {
  const colours = theme === "night" ? NIGHT : DAY;
  return {
    version: 8,
    sources: {
      base: {
        type: "vector",
        tiles: [`${location.origin}/basemap/{z}/{x}/{y}`],
        minzoom: 10,
        maxzoom: 16,
        attribution,
      },
    },
    layers: layers(colours),
  };
}

function layers(colours: Palette): LayerSpecification[] {
  const base = { source: "base" } as const;
  return [
    { id: "ground", type: "background", paint: { "background-color": colours.ground } },
    { ...base, id: "landuse", type: "fill", "source-layer": "landuse", paint: { "fill-color": colours.built } },
    { ...base, id: "green", type: "fill", "source-layer": "green", paint: { "fill-color": colours.green } },
    {
      ...base,
      id: "water",
      type: "fill",
      "source-layer": "water",
      filter: ["==", ["geometry-type"], "Polygon"],
      paint: { "fill-color": colours.water },
    },
    {
      ...base,
      id: "waterway",
      type: "line",
      "source-layer": "water",
      filter: ["==", ["geometry-type"], "LineString"],
      paint: { "line-color": colours.water, "line-width": ["interpolate", ["linear"], ["zoom"], 11, 1, 16, 5] },
    },
    {
      ...base,
      id: "paths",
      type: "line",
      "source-layer": "roads",
      minzoom: 14,
      filter: ["in", ["get", "class"], ["literal", NARROW]],
      paint: { "line-color": colours.path, "line-width": 1.5, "line-dasharray": [3, 2] },
    },
    {
      ...base,
      id: "road-casing",
      type: "line",
      "source-layer": "roads",
      filter: ["!", ["in", ["get", "class"], ["literal", NARROW]]],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colours.casing, "line-width": roadWidth(2) },
    },
    {
      ...base,
      id: "roads",
      type: "line",
      "source-layer": "roads",
      filter: ["!", ["in", ["get", "class"], ["literal", NARROW]]],
      layout: { "line-cap": "round", "line-join": "round" },
      paint: { "line-color": colours.road, "line-width": roadWidth(0) },
    },
    {
      ...base,
      id: "buildings",
      type: "fill",
      "source-layer": "buildings",
      minzoom: 14,
      paint: { "fill-color": colours.house, "fill-opacity": ["interpolate", ["linear"], ["zoom"], 14, 0.4, 16, 1] },
    },
    {
      ...base,
      id: "street-names",
      type: "symbol",
      "source-layer": "roads",
      minzoom: 13.5,
      filter: ["has", "name"],
      layout: {
        "symbol-placement": "line",
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["interpolate", ["linear"], ["zoom"], 14, 11, 17, 15],
        "symbol-spacing": 320,
      },
      paint: { "text-color": colours.label, "text-halo-color": colours.halo, "text-halo-width": 1.4 },
    },
    {
      ...base,
      id: "house-numbers",
      type: "symbol",
      "source-layer": "housenumbers",
      minzoom: 17,
      layout: { "text-field": ["get", "number"], "text-font": FONT, "text-size": 11 },
      paint: { "text-color": colours.label, "text-halo-color": colours.halo, "text-halo-width": 1 },
    },
    {
      ...base,
      id: "places",
      type: "symbol",
      "source-layer": "places",
      filter: ["!", ["in", ["get", "class"], ["literal", ["hub", "supplier"]]]],
      layout: {
        "text-field": ["get", "name"],
        "text-font": FONT,
        "text-size": ["match", ["get", "class"], ["city", "town"], 20, ["village", "suburb"], 16, 13],
        "text-letter-spacing": 0.04,
      },
      paint: { "text-color": colours.label, "text-halo-color": colours.halo, "text-halo-width": 1.6 },
    },
    {
      ...base,
      id: "hub-dots",
      type: "circle",
      "source-layer": "places",
      filter: ["==", ["get", "class"], "hub"],
      paint: { "circle-radius": 6, "circle-color": colours.label, "circle-stroke-color": colours.halo, "circle-stroke-width": 2.5 },
    },
    {
      ...base,
      id: "hubs",
      type: "symbol",
      "source-layer": "places",
      filter: ["==", ["get", "class"], "hub"],
      layout: { "text-field": ["get", "name"], "text-font": FONT, "text-size": 15, "text-offset": [0, 1.1], "text-allow-overlap": true },
      paint: { "text-color": colours.label, "text-halo-color": colours.halo, "text-halo-width": 2 },
    },
  ];
}

function roadWidth(extra: number): ExpressionSpecification {
  const wide: ExpressionSpecification = ["in", ["get", "class"], ["literal", WIDE]];
  return [
    "interpolate",
    ["exponential", 1.5],
    ["zoom"],
    11,
    ["case", wide, 1.2 + extra * 0.4, 0.4 + extra * 0.2],
    14,
    ["case", wide, 5 + extra, 2.6 + extra * 0.8],
    17,
    ["case", wide, 18 + extra, 12 + extra],
  ];
}
