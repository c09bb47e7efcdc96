//! The known word that somebody may have meant.

/// From here on a word is too long to be near to any known one.
const MAX_LETTERS: usize = 64;

/// The known word that is nearest, if one is near enough: a third of the letters may be wrong. Of several, one that
/// begins with the same letter in the same case.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters: Vec<char> = unknown.chars().take(MAX_LETTERS + 1).collect();
    let allowed = letters.len() / 3;
    let first = letters.first().copied();
    known
        .into_iter()
        .filter(|known| known.len().abs_diff(letters.len()) <= allowed)
        .map(|known| {
            (distance(&letters, &known.chars().collect::<Vec<_>>()), known.chars().next() != first, known)
        })
        .filter(|(distance, ..)| *distance <= allowed)
        .min_by_key(|(distance, other_style, _)| (*distance, *other_style))
        .map(|(.., known)| known)
}

/// How many letters must be inserted, dropped, replaced or swapped with their neighbour to make `a` into `b`, whatever
/// their case (Damerau and Levenshtein's distance, each letter changed once at most).
pub fn distance(a: &[char], b: &[char]) -> usize {
    let same = |i: usize, j: usize| a[i - 1].eq_ignore_ascii_case(&b[j - 1]);
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(!same(i, j));
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && same(i, j - 1) && same(i - 1, j) {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}
