#include "cli/render/annotation.h"

#include <gtest/gtest.h>

namespace stack::cli {
namespace {

compose::Diagnostic fault() {
  compose::Diagnostic diagnostic;
  diagnostic.file = "/work/shop/compose, new.yaml";
  diagnostic.line = 4;
  diagnostic.column = 5;
  diagnostic.message = "unknown key \"imge\" in service web: 100%";
  diagnostic.hint = "did you mean \"image\"?";
  return diagnostic;
}

TEST(Annotation, GitHubGetsWorkflowCommandsWithEscapedValues) {
  Environment environment{{"GITHUB_ACTIONS", "true"}, {"GITHUB_WORKSPACE", "/work"}};
  AnnotationFormat format = annotation_format(true, environment);
  ASSERT_EQ(format, AnnotationFormat::GitHub);
  EXPECT_EQ(
      annotation(format, fault(), environment),
      "::error file=shop/compose%2C new.yaml,line=4,col=5::unknown key \"imge\" in service web: 100%25%0A"
      "did you mean \"image\"?");
  EXPECT_EQ(failure_annotation(format, "a\nb"), "::error::a%0Ab");
}

TEST(Annotation, ElsewhereEachIsOneLine) {
  EXPECT_EQ(annotation_format(false, {{"GITHUB_ACTIONS", "true"}}), AnnotationFormat::None);
  AnnotationFormat format = annotation_format(true, {});
  ASSERT_EQ(format, AnnotationFormat::Plain);
  compose::Diagnostic warning = fault();
  warning.severity = compose::Severity::Warning;
  EXPECT_EQ(
      annotation(format, warning, {}),
      "warning: /work/shop/compose, new.yaml:4:5: unknown key \"imge\" in service web: 100% (did you mean "
      "\"image\"?)");
  EXPECT_EQ(failure_annotation(format, "a\nb"), "error: a b");
}

}  // namespace
}  // namespace stack::cli
