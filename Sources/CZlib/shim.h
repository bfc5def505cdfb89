#pragma once
#include <zlib.h>

// A macro in zlib, which Swift does not see. Negative window bits: no header around the deflated bytes.
static inline int czlib_inflate_start(z_stream *stream) { return inflateInit2(stream, -MAX_WBITS); }
