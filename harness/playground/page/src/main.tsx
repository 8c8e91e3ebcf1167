import { render } from "preact";
import { App } from "./App";
import { chosenTheme, show } from "./theme";

show(chosenTheme());

const root = document.getElementById("app");
if (root) {
  root.textContent = "";
  render(<App />, root);
}

// Served over plain HTTP from elsewhere there is none, and the page works all the same.
navigator.serviceWorker?.register(new URL("service.js", document.baseURI)).catch(() => {});
