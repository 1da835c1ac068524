import "../lib/base.css";
import { mount } from "svelte";
import Equipment from "./Equipment.svelte";

const target = document.getElementById("page");
if (target) mount(Equipment, { target });
