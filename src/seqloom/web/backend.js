/** Who answers. `seqloom export --web` puts the model in the browser here. */
export { connect } from "./server.js";
