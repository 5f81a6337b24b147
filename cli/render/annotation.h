// Errors in forms that CI systems show next to the code: --ci.
#pragma once

#include <span>
#include <string>

#include "cli/flags/globals.h"
#include "orchestrator/compose/diagnostic.h"

namespace stack::cli {

enum class AnnotationFormat {
  None,
  Plain,   // "error: compose.yaml:4:5: unknown key": one line each
  GitHub,  // "::error file=compose.yaml,line=4,col=5::unknown key": workflow commands
};

// GitHub in a job of GitHub Actions.
AnnotationFormat annotation_format(bool requested, const Environment& environment);

// One line, without a line break. A file below GITHUB_WORKSPACE is named relative to it.
std::string annotation(AnnotationFormat format, const compose::Diagnostic& diagnostic,
                       const Environment& environment);
// The same for a failure without a position.
std::string failure_annotation(AnnotationFormat format, const std::string& text);

}  // namespace stack::cli
