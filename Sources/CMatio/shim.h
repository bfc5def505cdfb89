#pragma once
#include <matio.h>
// A dependency of matio: its development package brings this header.
#include <zlib.h>
