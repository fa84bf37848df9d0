"""Runs as one page for any browser, which draws offline: `write.write` is the writer of the format `web`.

engine.c → engine.wasm (make wasm), ops.js, engine.js   the networks
random.js, sampling.js                                  how they are sampled
pack.py → pack.js                                       the weights
worker.js                                               all of these, beside the page's own thread
page.html, page.css, page.js, and what that uses        what one sees
check.js                                                the same as worker.js under node, to compare it
"""
