/** Entry of `/`: the events I may join, and where a producer makes them. */
import { render } from "preact";

import { HomePage } from "./ui/home/page";
import { themeOf } from "./ui/theme";
import "./css/index.css";

const theme = themeOf("desk");
const linkError = new URLSearchParams(location.search).get("error");

const root = document.getElementById("app");
if (root) render(<HomePage theme={theme} linkError={linkError} />, root);
