// A separate project directory, and functions to load its files.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "orchestrator/compose/config_output.h"
#include "orchestrator/compose/load.h"

namespace stack::compose {

class ComposeTest : public testing::Test {
 protected:
  ComposeTest() : directory_(std::move(*TemporaryDirectory::create("/tmp/compose-test-"))) {
    options.current_directory = directory_.path();
    options.project_name = "p";
    options.environment["HOME"] = "/home/me";
  }

  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }

  void write(const std::string& name, const std::string& text) {
    ASSERT_TRUE(ensure_directory(directory_name(path(name))));
    ASSERT_TRUE(write_file(path(name), text));
  }

  // Loads compose.yaml with this text; fails the test if it has errors.
  Project project(const std::string& text) {
    write("compose.yaml", text);
    return project();
  }
  Project project() {
    auto loaded = load(options);
    if (!loaded) {
      ADD_FAILURE() << render(loaded.error());
      return {};
    }
    warnings = render(loaded->warnings, false);
    return loaded->project;
  }
  // A service `web` with these lines (already indented by four blanks) under `image: a`.
  Service web(const std::string& lines, const std::string& rest = "") {
    Project loaded = project("services:\n  web:\n    image: a\n" + lines + rest);
    return loaded.services["web"];
  }

  // The errors of compose.yaml with this text, without source lines; fails the test if it loads.
  std::string errors(const std::string& text) {
    write("compose.yaml", text);
    return errors();
  }
  std::string errors() {
    auto loaded = load(options);
    if (loaded) {
      ADD_FAILURE() << "loaded without an error";
      return {};
    }
    std::erase_if(loaded.error(), [](const Diagnostic& one) { return one.severity == Severity::Warning; });
    return render(loaded.error(), false);
  }
  std::string web_errors(const std::string& lines, const std::string& rest = "") {
    return errors("services:\n  web:\n    image: a\n" + lines + rest);
  }

  std::string config(const std::string& text) {
    write("compose.yaml", text);
    auto loaded = load(options);
    if (!loaded) return "ERROR " + render(loaded.error());
    return config_yaml(*loaded);
  }

  LoadOptions options;
  std::string warnings;

 private:
  TemporaryDirectory directory_;
};

inline void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "looked for: " << part << "\nin: " << text;
}

}  // namespace stack::compose
