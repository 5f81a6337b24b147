// The events of a YAML reader as text: one event per line, with its position.
#pragma once

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <sstream>
#include <string>

#include "orchestrator/compose/common_yaml.h"

namespace stack::compose {

class EventText : public YAML::EventHandler {
 public:
  const std::string& text() const { return text_; }

  void OnDocumentStart(const YAML::Mark& mark) override { say("document", mark); }
  void OnDocumentEnd() override { text_ += "end of document\n"; }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { say("null", mark, "", anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { say("alias", mark, "", anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    say("scalar", mark, tag, anchor);
    text_ += "  [" + value + "]\n";
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    say(style == YAML::EmitterStyle::Flow ? "flow sequence" : "sequence", mark, tag, anchor);
  }
  void OnSequenceEnd() override { text_ += "end of sequence\n"; }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    say(style == YAML::EmitterStyle::Flow ? "flow map" : "map", mark, tag, anchor);
  }
  void OnMapEnd() override { text_ += "end of map\n"; }

 private:
  void say(const std::string& what, const YAML::Mark& mark, const std::string& tag = "",
           YAML::anchor_t anchor = 0) {
    text_ += what + " " + std::to_string(mark.line) + ":" + std::to_string(mark.column) + " " + tag;
    if (anchor != 0) text_ += " &" + std::to_string(anchor);
    text_ += '\n';
  }

  std::string text_;
};

// "" if the reader leaves the text to yaml-cpp.
inline std::string events_of_common_yaml(const std::string& text) {
  EventText events;
  return read_common_yaml(text, events) ? events.text() : "";
}

// "error: ..." if the text is invalid.
inline std::string events_of_yaml_cpp(const std::string& text) {
  EventText events;
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const YAML::Exception& problem) {
    return std::string("error: ") + problem.what() + "\n";
  }
  return events.text();
}

}  // namespace stack::compose
