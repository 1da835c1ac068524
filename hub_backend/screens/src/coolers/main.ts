import "../lib/base.css";
import { mount } from "svelte";
import Coolers from "./Coolers.svelte";

const target = document.getElementById("page");
if (target) mount(Coolers, { target });
