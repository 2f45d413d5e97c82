/* SPDX-License-Identifier: BSD-3-Clause */
#include <config.h>

#include <math.h>
#include <muParserDLL.h>
#include <stdio.h>

#include "expression.h"

/* Before * and /, as zram-generator has it; muParser's ^ has 7. */
#define REMAINDER_PRIORITY 7

static muFloat_t
remainder_of (muFloat_t a, muFloat_t b)
{
  return fmod (a, b);
}

/* To base 10, unless the base comes first. */
static muFloat_t
logarithm (const muFloat_t *values, muInt_t count)
{
  if (count > 2)
    return nan ("");
  return count > 1 ? log (values[1]) / log (values[0]) : log10 (values[0]);
}

/* To a multiple of the first, if there are two. */
static muFloat_t
rounded (const muFloat_t *values, muInt_t count)
{
  if (count > 2)
    return nan ("");
  return count > 1 ? round (values[1] / values[0]) * values[0]
                   : round (values[0]);
}

static muFloat_t
kilo (muFloat_t a)
{
  return a * 1e3;
}

static muFloat_t
mega (muFloat_t a)
{
  return a * 1e6;
}

static muFloat_t
giga (muFloat_t a)
{
  return a * 1e9;
}

/* muParser has names of its own for some. */
static void
define_functions (muParserHandle_t parser)
{
  mupDefineOprt (parser, "%", remainder_of, REMAINDER_PRIORITY,
                 muOPRT_ASCT_LEFT, 0);
  mupDefineFun1 (parser, "int", trunc, 0);
  mupDefineFun1 (parser, "ceil", ceil, 0);
  mupDefineFun1 (parser, "floor", floor, 0);
  mupDefineMultFun (parser, "log", logarithm, 0);
  mupDefineMultFun (parser, "round", rounded, 0);
  mupDefinePostfixOprt (parser, "K", kilo, 0);
  mupDefinePostfixOprt (parser, "M", mega, 0);
  mupDefinePostfixOprt (parser, "G", giga, 0);
  mupDefineConst (parser, "e", M_E);
  mupDefineConst (parser, "pi", M_PI);
}

/* Unless a handler is set, muParser's C interface prints errors. */
static void
note_error (muParserHandle_t parser)
{
  (void) parser;
}

int
expression_size (const char *text, double ram, double *size,
                 char why[EXPRESSION_WHY_MAX])
{
  const muParserHandle_t parser = mupCreate (muBASETYPE_FLOAT);
  muInt_t results = 0;
  const muFloat_t *values;
  int r = -1;

  mupSetErrorHandler (parser, note_error);
  define_functions (parser);
  mupDefineConst (parser, "ram", ram);
  mupSetExpr (parser, text);
  values = mupEvalMulti (parser, &results);
  *size = values && results > 0 ? values[results - 1] : nan ("");
  if (mupError (parser))
    snprintf (why, EXPRESSION_WHY_MAX, "%s", mupGetErrorMsg (parser));
  else if (results > 1)
    snprintf (why, EXPRESSION_WHY_MAX, "it comes to %d numbers", results);
  else if (!isfinite (*size) || *size < 0)
    snprintf (why, EXPRESSION_WHY_MAX, "it comes to %g", *size);
  else
    r = 0;
  mupRelease (parser);
  return r;
}
