import "../lib/base.css";
import { mount } from "svelte";
import Planner from "./Planner.svelte";

const target = document.getElementById("page");
if (target) mount(Planner, { target });
