// Asks `spendscope serve --postgres` over JDBC: metadata, every type, values, rows in pieces, cancelling.
// Arguments: the ports of PostgreSQL and HTTP. Run as `java -cp postgresql.jar Jdbc.java`.
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.Properties;

class Jdbc {
    static void same(Object is, Object wanted) {
        if (!wanted.equals(is)) throw new AssertionError(is + ", not " + wanted);
    }

    public static void main(String[] args) throws Exception {
        Properties user = new Properties();
        user.setProperty("user", "spendscope");
        String url = "jdbc:postgresql://127.0.0.1:" + args[0] + "/spendscope";
        try (Connection line = DriverManager.getConnection(url, user)) {
            line.setReadOnly(true);
            int tables = 0;
            try (ResultSet all = line.getMetaData().getTables(null, "public", "%", new String[] {"TABLE", "VIEW"})) {
                while (all.next()) tables++;
            }
            if (tables < 20) throw new AssertionError(tables + " tables and views");
            int columns = 0;
            try (ResultSet all = line.getMetaData().getColumns(null, "public", "charges", "%")) {
                while (all.next()) {
                    columns++;
                    if (all.getString("COLUMN_NAME").equals("billed_cost")) same(all.getString("TYPE_NAME"), "numeric");
                }
            }
            if (columns < 10) throw new AssertionError(columns + " columns");
            String sql = "SELECT billed_cost, charge_period_start, tags, commitment_discount_id FROM charges WHERE service_name = ?";
            try (var asked = line.prepareStatement(sql)) {
                // Often enough that the driver prepares the statement, and takes binary values.
                for (int n = 0; n < 12; n++) {
                    asked.setString(1, "OpenAI API");
                    try (ResultSet row = asked.executeQuery()) {
                        row.next();
                        same(row.getBigDecimal(1), new BigDecimal("12.345678901234567891"));
                        same(row.getObject(2, OffsetDateTime.class).toInstant(), Instant.parse("2026-09-01T00:00:00Z"));
                        if (!row.getString(3).contains("\"team\"")) throw new AssertionError(row.getString(3));
                        if (row.getString(4) != null) throw new AssertionError(row.getString(4));
                    }
                }
            }
            try (var asked = line.prepareStatement("SELECT count(*) FROM charges WHERE billed_cost > ? AND charge_period_start > ?")) {
                asked.setBigDecimal(1, new BigDecimal("5"));
                asked.setTimestamp(2, Timestamp.from(Instant.parse("2026-09-01T06:00:00Z")));
                try (ResultSet row = asked.executeQuery()) {
                    row.next();
                    same(row.getLong(1), 1L);
                }
            }
            line.setAutoCommit(false);
            try (Statement pieces = line.createStatement()) {
                pieces.setFetchSize(100);
                int rows = 0;
                try (ResultSet all = pieces.executeQuery("SELECT value FROM generate_series(1, 1234)")) {
                    while (all.next()) rows++;
                }
                same(rows, 1234);
            }
            line.commit();
            line.setAutoCommit(true);
            try (Statement slow = line.createStatement()) {
                slow.setQueryTimeout(1);
                slow.executeQuery("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b WHERE a.value + b.value = -1");
                throw new AssertionError("a statement that never ends has ended");
            } catch (SQLException cancelled) {
                same(cancelled.getSQLState(), "57014");
            }
            try (Statement wrong = line.createStatement()) {
                wrong.executeUpdate("DELETE FROM charges");
                throw new AssertionError("facts were taken away");
            } catch (SQLException refused) {
                same(refused.getSQLState(), "25006");
            }
        }
        System.out.println("jdbc ok");
    }
}
