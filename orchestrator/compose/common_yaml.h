// The part of YAML that most compose files are written in, read in one pass over the lines. yaml-cpp stays
// the judge: whatever this reader is not sure about it leaves, and the file is read again from its beginning.
#pragma once

#include <yaml-cpp/eventhandler.h>

#include <string_view>

namespace stack::compose {

// Tells `handler` of one document, event for event as YAML::Parser would (YAML 1.2, chapters 7 and 8): block
// mappings and sequences, scalars, flow collections and aliases of one line, literal blocks, anchors,
// comments. False: the text holds something else (several documents, tags, folded or continued scalars, tabs,
// an error); what the handler was told so far is to be forgotten. The text is UTF-8 without control
// characters. What the handler throws passes through.
bool read_common_yaml(std::string_view text, YAML::EventHandler& handler);

}  // namespace stack::compose
