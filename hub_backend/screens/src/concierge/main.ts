import "../lib/base.css";
import { mount } from "svelte";
import Concierge from "./Concierge.svelte";
import { watchForNewVersion } from "./new_version.svelte";

const target = document.getElementById("page");
if (target) mount(Concierge, { target });
watchForNewVersion();
