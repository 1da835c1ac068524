import "../lib/base.css";
import { mount } from "svelte";
import Figures from "./Figures.svelte";

const target = document.getElementById("page");
if (target) mount(Figures, { target });
