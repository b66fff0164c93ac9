use super::*;
use proptest::prelude::*;

const GOAL: Goal = Goal { tolerance: 0.10, min_share: 0.5, aim: 0.09 };

fn close(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-9 * (1.0 + left.abs())
}

#[test]
fn a_member_may_be_a_tenth_above_its_share_and_must_have_half_of_it() {
    let shares = [100.0; 4];
    assert!(GOAL.balanced(&[110.0, 110.0, 130.0 - 20.0, 50.0], &shares));
    assert!(!GOAL.balanced(&[110.5, 100.0, 100.0, 100.0], &shares));
    assert!(!GOAL.balanced(&[110.0, 110.0, 110.0, 49.0], &shares));
}

#[test]
fn one_connection_more_or_less_is_even_however_few_there_are() {
    assert!(GOAL.balanced(&[2.0, 1.0, 0.0], &[1.0; 3]));
    assert!(!GOAL.balanced(&[3.0, 0.0, 0.0], &[1.0; 3]));
    assert!(GOAL.balanced(&[0.0; 3], &[0.0; 3]));
}

#[test]
fn the_one_new_member_of_twenty_one_is_not_left_empty() {
    let mut expected = [10.0; 21];
    expected[20] = 0.0;
    let shares = shares(200.0, &[1.0; 21]);
    assert!(!GOAL.balanced(&expected, &shares));
    let blind = GOAL.want(&expected, &shares, &[1.0 / 21.0; 21], 0.0);
    assert!((35.0..55.0).contains(&blind), "a twenty-first of 100 would land there, by chance twice as many: {blind}");
    let mut steered = [0.0; 21];
    steered[20] = 1.0;
    let steered = GOAL.want(&expected, &shares, &steered, 0.0);
    assert!(close(steered, 0.5 * 200.0 / 21.0), "all of them land there: {steered}");
}

#[test]
fn who_lacks_connections_gets_hardly_more_than_needed_even_with_luck() {
    let (least, blind) = (125.0, 1.0 / 8.0);
    let deviation = |count: f64| (count * (1.0 - blind)).sqrt();
    let first = without_excess(least, least, 0.0, blind);
    assert!(close(first + DEVIATIONS * deviation(first), least + EXCESS * deviation(least)), "{first}");
    assert!(without_excess(least - first, least, first, blind) < 1e-9, "until some of them have landed, that is all");
    assert!(without_excess(least - first, least, 0.0, blind) > 10.0, "then the rest of them come");
    let one = without_excess(1.0, least, 0.0, blind);
    assert!((1.5..4.0).contains(&one), "so many that one lands in all likelihood: {one}");
    assert!(close(without_excess(0.5, 0.5, 0.0, blind), 0.5), "who needs hardly any gets the last one");
    assert!(close(without_excess(0.5, 0.5, 0.4, blind), 0.1), "once");
    assert!(close(without_excess(10.0, least, 0.0, 1.0), 10.0), "nothing is left to chance");
}

#[test]
fn what_moves_is_what_is_above_the_aim() {
    let shares = shares(200.0, &[1.0; 4]);
    let want = GOAL.want(&[100.0, 100.0, 0.0, 0.0], &shares, &[0.0, 0.0, 0.5, 0.5], 0.0);
    assert!(close(want, 2.0 * (100.0 - 54.5)), "{want}");
    assert!(close(GOAL.want(&[50.0; 4], &shares, &[0.25; 4], 0.0), 0.0));
    let between = GOAL.want(&[54.9, 57.5, 53.8, 33.8], &shares, &[0.25; 4], 0.0);
    assert!(close(between, 57.5 - 54.5), "who is within the tolerance stays as it is: {between}");
}

#[test]
fn the_fullest_go_first_down_to_one_level() {
    assert_eq!(spread(4.0, &[62.5, 54.0, 50.0, 33.5], &[50.0; 4]), [4.0, 0.0, 0.0, 0.0]);
    assert_eq!(spread(14.5, &[62.5, 54.0, 50.0, 33.5], &[50.0; 4]), [11.5, 3.0, 0.0, 0.0]);
    assert_eq!(spread(30.0, &[60.0, 90.0], &[20.0, 40.0]), [20.0, 10.0]);
    assert_eq!(spread(5.0, &[0.0, 0.0], &[0.0, 0.0]), [0.0, 0.0]);
}

#[test]
fn what_is_on_its_way_counts_where_it_will_land() {
    assert_eq!(expected(&[80.0, 0.0], 20.0, &[0.25, 0.75]), [85.0, 15.0]);
}

#[test]
fn shares_follow_weights() {
    assert_eq!(shares(120.0, &[1.0, 2.0, 3.0]), [20.0, 40.0, 60.0]);
    assert_eq!(shares(120.0, &[0.0, 0.0]), [0.0, 0.0]);
}

#[test]
fn chance_is_told_from_a_new_member() {
    let even = [50.0, 41.0, 62.0, 47.0];
    assert!(!GOAL.uneven_beyond_chance(&even, &shares(200.0, &[1.0; 4])));
    let new_member = [66.0, 67.0, 67.0, 0.0];
    assert!(GOAL.uneven_beyond_chance(&new_member, &shares(200.0, &[1.0; 4])));
    let too_few_to_tell = [9.0, 0.0, 0.0, 0.0];
    assert!(!GOAL.uneven_beyond_chance(&too_few_to_tell, &shares(9.0, &[1.0; 4])));
}

#[test]
fn the_quantile_is_that_of_the_chi_square_distribution() {
    // Quantiles of 1 - 1e-6 are 30.66 with 3 and 62.49 with 19 degrees of freedom; Wilson and Hilferty err on the safe side.
    let chi_square_of = |members: usize, value: f64| {
        let mut live = vec![100.0; members];
        let off = (value * 50.0).sqrt();
        (live[0], live[1]) = (100.0 + off, 100.0 - off);
        beyond_chance(&live, &vec![100.0; members])
    };
    assert!(!chi_square_of(4, 30.6) && chi_square_of(4, 33.5));
    assert!(!chi_square_of(20, 62.4) && chi_square_of(20, 65.0));
}

#[test]
fn whole_things_are_spread_by_the_largest_remainder() {
    assert_eq!(apportion(10, &[1.0, 1.0, 1.0]), [4, 3, 3]);
    assert_eq!(apportion(1, &[0.2, 0.0, 0.7]), [0, 0, 1]);
    assert_eq!(apportion(5, &[0.0, 0.0]), [0, 0]);
    assert_eq!(apportion(5, &[]), Vec::<u64>::new());
}

proptest! {
    #[test]
    fn spreading_is_exact_and_gives_nothing_to_who_has_no_part(
        count in 0_u64..1_000_000, parts in prop::collection::vec(prop_oneof![Just(0.0), 0.0..1e9], 1..50),
    ) {
        let spread = apportion(count, &parts);
        let some = parts.iter().any(|part| *part > 0.0);
        prop_assert_eq!(spread.iter().sum::<u64>(), if some { count } else { 0 });
        prop_assert!(spread.iter().zip(&parts).all(|(count, part)| *part > 0.0 || *count == 0));
    }

    #[test]
    fn no_numbers_lead_to_nonsense(
        live in prop::collection::vec(prop_oneof![0.0..100.0, 0.0..1e12], 1..40), weight in 0.01..128.0, returning in 0.0..1e9,
    ) {
        let landing = vec![1.0 / live.len() as f64; live.len()];
        let expected = expected(&live, returning, &landing);
        let total: f64 = expected.iter().sum();
        let mut weights = vec![1.0; live.len()];
        weights[0] = weight;
        let shares = shares(total, &weights);
        prop_assert!(close(shares.iter().sum(), total));
        let want = GOAL.want(&expected, &shares, &landing, returning);
        prop_assert!(want.is_finite() && want >= 0.0);
        let want = GOAL.want(&expected, &shares, &landing, 0.0);
        prop_assert!(GOAL.balanced(&expected, &shares) || want > 0.0, "whatever is uneven asks for a move");
        prop_assert!(imbalance(&expected, &shares) >= 1.0 - 1e-9);
    }
}
