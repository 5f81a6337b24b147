#include "cli/render/annotation.h"

namespace stack::cli {

namespace {

// https://docs.github.com/actions/reference/workflow-commands-for-github-actions
std::string github_escape(const std::string& text, bool property) {
  std::string out;
  for (char c : text) {
    if (c == '%') {
      out += "%25";
    } else if (c == '\r') {
      out += "%0D";
    } else if (c == '\n') {
      out += "%0A";
    } else if (property && c == ':') {
      out += "%3A";
    } else if (property && c == ',') {
      out += "%2C";
    } else {
      out += c;
    }
  }
  return out;
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

std::string relative_file(const std::string& file, const Environment& environment) {
  std::string workspace = setting(environment, "GITHUB_WORKSPACE");
  if (workspace.empty() || !file.starts_with(workspace + "/")) return file;
  return file.substr(workspace.size() + 1);
}

std::string message_of(const compose::Diagnostic& diagnostic) {
  return diagnostic.hint.empty() ? diagnostic.message : diagnostic.message + "\n" + diagnostic.hint;
}

}  // namespace

AnnotationFormat annotation_format(bool requested, const Environment& environment) {
  if (!requested) return AnnotationFormat::None;
  return setting(environment, "GITHUB_ACTIONS") == "true" ? AnnotationFormat::GitHub
                                                          : AnnotationFormat::Plain;
}

std::string annotation(AnnotationFormat format, const compose::Diagnostic& diagnostic,
                       const Environment& environment) {
  const bool is_error = diagnostic.severity == compose::Severity::Error;
  const std::string level = is_error ? "error" : "warning";
  if (format != AnnotationFormat::GitHub) {
    compose::Diagnostic plain = diagnostic;
    plain.severity = compose::Severity::Error;
    plain.hint.clear();
    return level + ": " + one_line(compose::render(plain, false)) +
           (diagnostic.hint.empty() ? "" : " (" + one_line(diagnostic.hint) + ")");
  }
  std::string out = "::" + level;
  if (!diagnostic.file.empty())
    out += " file=" + github_escape(relative_file(diagnostic.file, environment), true);
  if (diagnostic.line > 0) out += ",line=" + std::to_string(diagnostic.line);
  if (diagnostic.column > 0) out += ",col=" + std::to_string(diagnostic.column);
  return out + "::" + github_escape(message_of(diagnostic), false);
}

std::string failure_annotation(AnnotationFormat format, const std::string& text) {
  if (format == AnnotationFormat::GitHub) return "::error::" + github_escape(text, false);
  return "error: " + one_line(text);
}

}  // namespace stack::cli
