// A fast reader for the subset of YAML that most Compose files use. It makes one pass over the lines. If it meets
// anything outside the subset, yaml-cpp reads the file again from the beginning.
#pragma once

#include <yaml-cpp/eventhandler.h>

#include <string_view>

namespace stack::compose {

// Sends the events of one document to `handler`, identical to those of YAML::Parser (YAML 1.2, chapters 7 and 8). The
// subset: block mappings and sequences, scalars, single-line flow collections and aliases, literal blocks, anchors,
// comments. Returns false if the text contains anything else (several documents, tags, folded or multi-line scalars,
// tabs, errors); the caller then discards the events. The text must be UTF-8 without control characters. Exceptions of
// the handler propagate.
bool read_common_yaml(std::string_view text, YAML::EventHandler& handler);

}  // namespace stack::compose
