//! The page of a report in a real Chromium: nothing on its console, nothing fetched, and a picture of it on a
//! screen and on a phone, light and dark. And the workbook in a real LibreOffice, which works its formulas out
//! anew. Both run where the program is installed; with SPENDSCOPE_SERVERS=1 they have to be.

use calamine::{Data, Reader, Xlsx, open_workbook};
use spendscope::render::{self, document::Document};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The path of the first of these programs, or a printed reason to skip.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.exists());
    if found.is_none() {
        assert!(
            std::env::var("SPENDSCOPE_SERVERS").is_err(),
            "SPENDSCOPE_SERVERS is set and there is no {}",
            names[0]
        );
        println!("skipped: no {} is installed", names[0]);
    }
    found
}

/// A report with everything on it, over the facts of the tests of reports.
async fn documents() -> Vec<Document> {
    let engine = crate::reports::engine().await;
    let mut documents = Vec::new();
    for name in ["board", "month-close", "unit-economics", "gateway-ops"] {
        documents.push(crate::reports::september(&crate::support::assets(), name, &engine).await);
    }
    documents
}

#[tokio::test]
async fn chromium_shows_the_page_without_a_word_on_its_console() {
    let Some(chromium) = program(&["chromium", "chromium-browser", "google-chrome"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for document in documents().await {
        let page = folder.path().join(format!("{}.html", document.name));
        std::fs::write(&page, render::document("html", &document).unwrap()).unwrap();
        let mut shots = Vec::new();
        for (width, dark) in [(1600, false), (1600, true), (390, false), (390, true)] {
            shots.push(shot(&chromium, folder.path(), &page, width, dark));
        }
        // Dark is dark, light is light: the corner of the page says which.
        let corner = |shot: &resvg::tiny_skia::Pixmap| shot.pixel(2, 60).unwrap().red();
        assert!(
            corner(&shots[0]) > 200 && corner(&shots[2]) > 200,
            "{}",
            document.name
        );
        assert!(
            corner(&shots[1]) < 60 && corner(&shots[3]) < 60,
            "{}",
            document.name
        );
        for (shot, width) in shots.iter().zip([1600, 1600, 390, 390]) {
            assert_eq!(shot.width(), width);
            let colours: std::collections::HashSet<_> = shot
                .pixels()
                .iter()
                .map(|p| (p.red(), p.green(), p.blue()))
                .collect();
            assert!(
                colours.len() > 50,
                "{} at {width}: {} colours",
                document.name,
                colours.len()
            );
        }
    }
}

fn shot(chromium: &Path, folder: &Path, page: &Path, width: u32, dark: bool) -> resvg::tiny_skia::Pixmap {
    let (picture, log) = (folder.join("shot.png"), folder.join("net.json"));
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(chromium);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        // Nothing outside is found, whoever asks.
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--enable-logging=stderr",
        "--v=0",
    ]);
    if dark {
        command.arg("--blink-settings=preferredColorScheme=0");
    }
    let output = command
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("--window-size={width},2400"))
        .arg(format!("--screenshot={}", picture.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("CONSOLE"), "{said}");
    // The browser itself calls home; the page calls nobody.
    let own = ["google.com", "googleapis.com", "gvt1.com", "gstatic.com"];
    let net = std::fs::read_to_string(&log).unwrap();
    for part in net.split("\"url\":\"").skip(1) {
        let url = part.split('"').next().unwrap();
        let host = url
            .split("://")
            .nth(1)
            .unwrap_or("")
            .split('/')
            .next()
            .unwrap_or("");
        let known = !url.starts_with("http") || own.iter().any(|own| host.ends_with(own));
        assert!(known, "the page asked for {url}");
    }
    resvg::tiny_skia::Pixmap::decode_png(&std::fs::read(&picture).unwrap()).unwrap()
}

#[tokio::test]
async fn libreoffice_works_out_the_same_totals() {
    let Some(soffice) = program(&["soffice", "libreoffice"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for document in documents().await.into_iter().skip(1) {
        let ours = folder.path().join(format!("{}.xlsx", document.name));
        std::fs::write(&ours, render::document("xlsx", &document).unwrap()).unwrap();
        let out = folder.path().join("out");
        let output = Command::new(&soffice)
            .arg(format!(
                "-env:UserInstallation=file://{}",
                folder.path().join("profile").display()
            ))
            .args([
                "--headless",
                "--norestore",
                "--convert-to",
                "xlsx:Calc MS Excel 2007 XML",
                "--outdir",
            ])
            .args([&out, &ours])
            .output()
            .unwrap();
        let theirs = out.join(ours.file_name().unwrap());
        assert!(theirs.exists(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut mine: Xlsx<_> = open_workbook(&ours).unwrap();
        let mut theirs: Xlsx<_> = open_workbook(&theirs).unwrap();
        assert_eq!(mine.sheet_names(), theirs.sheet_names());
        let mut totals = 0;
        for sheet in mine.sheet_names() {
            let (stored, worked_out) = (
                mine.worksheet_range(&sheet).unwrap(),
                theirs.worksheet_range(&sheet).unwrap(),
            );
            let formulas = theirs.worksheet_formula(&sheet).unwrap();
            for (row, column, _) in mine
                .worksheet_formula(&sheet)
                .unwrap()
                .used_cells()
                .filter(|c| !c.2.is_empty())
            {
                let start = mine.worksheet_formula(&sheet).unwrap().start().unwrap();
                let at = (start.0 + row as u32, start.1 + column as u32);
                let kept = formulas.get_value(at).is_some_and(|f| !f.is_empty());
                assert!(kept, "{sheet} {at:?}: the formula is gone");
                let (Some(Data::Float(a)), Some(Data::Float(b))) =
                    (stored.get_value(at), worked_out.get_value(at))
                else {
                    panic!(
                        "{sheet} {at:?}: {:?} {:?}",
                        stored.get_value(at),
                        worked_out.get_value(at)
                    );
                };
                // A sum of doubles may differ from the exact one in its last digits.
                assert!(
                    (a - b).abs() <= 1e-12 * a.abs().max(1.0),
                    "{sheet} {at:?}: {a} {b}"
                );
                totals += 1;
            }
        }
        assert!(totals > 5, "{}: {totals} formulas", document.name);
    }
}
