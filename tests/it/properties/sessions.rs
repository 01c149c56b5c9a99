//! Session logs repeat themselves: block by block, in resumed and in forked sessions. Whatever is repeated,
//! in which order it stands and to which files it is dealt: the lake holds each answer once, at its
//! fullest.

use super::deliveries::{PROVENANCE, Place};
use super::hold;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

const FILES: [&str; 4] = ["a.jsonl", "b.jsonl", "fork/c.jsonl", "s/subagents/agent-d.jsonl"];

/// One logged block.
#[derive(Debug, Clone)]
struct Block {
    answer: u8,
    session: u8,
    output: i64,
    file: usize,
}

fn block() -> impl Strategy<Value = Block> {
    (0..5_u8, 0..3_u8, 0..4_i64, 0..FILES.len()).prop_map(|(answer, session, output, file)| Block {
        answer,
        session,
        output,
        file,
    })
}

impl Block {
    /// An answer keeps its time and its model in every copy; its session and its usage may differ. The
    /// last answers are of a cloud, which gives requests no id.
    fn line(&self) -> String {
        let cloud = self.answer > 3;
        json!({
            "parentUuid": "p", "isSidechain": false, "type": "assistant", "uuid": "u",
            "sessionId": format!("s{}", self.session),
            "timestamp": format!("2026-09-14T23:59:5{}.000Z", self.answer),
            "requestId": (!cloud).then(|| format!("req_{}", self.answer)),
            "message": {
                "id": format!("msg_{}{}", if cloud { "bdrk_" } else { "" }, self.answer),
                "type": "message", "role": "assistant", "model": "claude-x", "content": [],
                "usage": {"input_tokens": 3, "cache_read_input_tokens": 50, "output_tokens": self.output},
            },
        })
        .to_string()
    }
}

/// The files of some blocks, each with the line that sessions begin with.
fn files(blocks: &[Block], deal: impl Fn(usize, &Block) -> usize) -> Vec<(&'static str, String)> {
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    for (place, block) in blocks.iter().enumerate() {
        let text = texts.entry(FILES[deal(place, block)]).or_insert_with(|| {
            json!({"parentUuid": null, "sessionId": "s", "type": "user", "message": {"content": "secret"}})
                .to_string()
        });
        text.push('\n');
        text.push_str(&block.line());
    }
    texts.into_iter().collect()
}

#[test]
fn an_answer_is_one_fact_however_often_it_is_logged() {
    let cause = (vec(block(), 1..20), vec(any::<u16>(), 20), any::<bool>());
    hold(16, &cause, async |(blocks, ranks, apart)| {
        let mut fullest: BTreeMap<u8, i64> = BTreeMap::new();
        for block in &blocks {
            let output = fullest.entry(block.answer).or_default();
            *output = block.output.max(*output);
        }

        let once = Place::new().await;
        once.put(&files(&blocks, |_, block| block.file)).await;
        let facts = once.contents(&PROVENANCE).await["requests"].clone();
        assert_eq!(facts.len(), fullest.len(), "each answer once");
        let outputs: i64 = once.requests_sum("output").await;
        assert_eq!(outputs, fullest.values().sum::<i64>(), "at its fullest");
        assert_eq!(once.requests_sum("cache_read").await, 50 * fullest.len() as i64);

        // Shuffled, each block twice, dealt to the files otherwise, in one call or in one for each file.
        let mut shuffled: Vec<(u16, Block)> = blocks
            .iter()
            .enumerate()
            .flat_map(|(place, block)| {
                let rank = ranks[place % ranks.len()];
                [(rank, block.clone()), (rank.rotate_left(7), block.clone())]
            })
            .collect();
        shuffled.sort_by_key(|(rank, _)| *rank);
        let shuffled: Vec<Block> = shuffled.into_iter().map(|(_, block)| block).collect();
        let mut dealt = files(&shuffled, |place, _| {
            usize::from(ranks[place % ranks.len()]) % FILES.len()
        });
        let other = Place::new().await;
        if apart {
            dealt.reverse();
            for file in &dealt {
                other.put(std::slice::from_ref(file)).await;
            }
        } else {
            other.put(&dealt).await;
        }
        assert_eq!(other.contents(&PROVENANCE).await["requests"], facts);
    });
}
