//! The lists of rules.

/// The rules that begin with one letter.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) letter: char,
    pub(super) title: &'static str,
    /// The list itself.
    pub(super) text: &'static str,
    /// The highest number that was given.
    pub(super) last: u16,
    /// Numbers of rules that were dropped.
    pub(super) gaps: &'static [u16],
}

impl Family {
    /// Whether that id is one of these, listed or not.
    pub(super) fn has(&self, id: &str) -> bool {
        id.strip_prefix(self.letter).is_some_and(|rest| rest.starts_with('-'))
    }

    /// The ids that have to be listed.
    pub(super) fn ids(&self) -> Vec<String> {
        let numbers = (1..=self.last).filter(|number| !self.gaps.contains(number));
        numbers.map(|number| format!("{}-{number:02}", self.letter)).collect()
    }
}

/// One rule.
#[derive(Debug, PartialEq)]
pub(super) struct Row<'a> {
    pub(super) id: String,
    pub(super) level: Level,
    pub(super) binds: &'a str,
    pub(super) title: &'a str,
    /// The title of its section, and a note perhaps, after ` | `.
    pub(super) section: &'a str,
    pub(super) answer: Answer<'a>,
}

/// How strong a rule is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Level {
    Must,
    Should,
    May,
}

impl Level {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
        }
    }
}

/// What a list says of a rule.
#[derive(Debug, PartialEq)]
pub(super) enum Answer<'a> {
    /// Nothing: tests prove it.
    Tests,
    /// A type makes the violation impossible.
    Type(&'a str),
    /// What was chosen.
    Choice(&'a str),
    /// What it is about is not offered.
    Absent(&'a str),
}

impl Row<'_> {
    /// Whether it needs no test: a MUST has to be impossible to break here, for others a sentence is enough.
    pub(super) const fn is_settled(&self) -> bool {
        match self.answer {
            Answer::Type(_) | Answer::Absent(_) => true,
            Answer::Choice(_) => !matches!(self.level, Level::Must),
            Answer::Tests => false,
        }
    }
}

/// The rows of a list, or what is wrong with it.
pub(super) fn rows(text: &str) -> Result<Vec<Row<'_>>, String> {
    let (mut rows, mut section) = (Vec::new(), "");
    for line in text.lines().map(str::trim_end) {
        if let Some(title) = line.strip_prefix("== ") {
            section = title;
        } else if !line.is_empty() && !line.starts_with('#') {
            rows.push(row(line, section).ok_or_else(|| format!("no rule: {line}"))?);
        }
    }
    Ok(rows)
}

fn row<'a>(line: &'a str, section: &'a str) -> Option<Row<'a>> {
    let mut cells = line.splitn(5, '|').map(str::trim);
    let id = cells.next()?.to_owned();
    let level = match cells.next()? {
        "MUST" => Level::Must,
        "SHOULD" => Level::Should,
        "MAY" => Level::May,
        _ => return None,
    };
    let binds = cells.next().filter(|binds| ["server", "app", "middleware", "both"].contains(binds))?;
    let title = cells.next().filter(|title| !title.is_empty())?;
    let answer = match cells.next()?.split_once(": ") {
        Some(("type", sentence)) => Answer::Type(sentence),
        Some(("choice", sentence)) => Answer::Choice(sentence),
        Some(("absent", sentence)) => Answer::Absent(sentence),
        Some(_) => return None,
        None if line.ends_with('|') => Answer::Tests,
        None => return None,
    };
    Some(Row { id, level, binds, title, section, answer })
}

mod tests {
    use super::*;

    #[test]
    fn rows_are_read_with_their_section_and_answer() {
        let text =
            "# a comment\n\n== First\nW-01 | MUST | app | One |\nW-02 | MAY | both | Two | type: `A|B`.\n";
        let rows = rows(text).unwrap();
        assert_eq!((rows[0].section, rows[0].level, &rows[0].answer), ("First", Level::Must, &Answer::Tests));
        assert_eq!((rows[1].title, &rows[1].answer), ("Two", &Answer::Type("`A|B`.")));
    }

    #[test]
    fn a_must_is_not_settled_by_a_choice() {
        for (level, answer, settled) in [
            ("MUST", "type: x", true),
            ("MUST", "absent: x", true),
            ("MUST", "choice: x", false),
            ("SHOULD", "choice: x", true),
            ("MAY", "", false),
        ] {
            let line = format!("W-01 | {level} | app | One | {answer}");
            assert_eq!(rows(&line).unwrap()[0].is_settled(), settled, "{line}");
        }
    }

    #[test]
    fn lines_that_are_no_rules_are_told() {
        for line in [
            "W-01 | MUST | app | One",
            "W-01 | WILL | app | One |",
            "W-01 | MUST | nobody | One |",
            "W-01 | MUST | app | |",
            "W-01 | MUST | app | One | by the way: no",
            "W-01 | MUST | app | One | no",
        ] {
            assert_eq!(rows(line).unwrap_err(), format!("no rule: {line}"));
        }
    }

    #[test]
    fn ids_run_to_the_last_and_leave_out_the_gaps() {
        let family = Family { letter: 'W', title: "", text: "", last: 100, gaps: &[2] };
        let ids = family.ids();
        assert_eq!((ids.len(), &*ids[0], &*ids[1], &*ids[98]), (99, "W-01", "W-03", "W-100"));
        assert!(family.has("W-2") && !family.has("A-01") && !family.has("WS-01"));
    }
}
