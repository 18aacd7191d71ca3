// Tells that something changed, and lets the person decide when the page moves. Without script, nothing is missing.
"use strict";
